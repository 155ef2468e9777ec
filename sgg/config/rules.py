"""Rules by which defaults of settings follow from other settings; a rule's docstring is shown in the reference."""

from __future__ import annotations

from sgg.common.metric_names import headline_k, is_lower_better
from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.settings.marks import Get

from .choice import AUTO
from .defaults import data_of_root


def rate_of_batch(get: Get) -> float:
    """1e-3 for each image of a batch; on the toy genome 2e-3."""
    return _data_set(get).rate_per_image * get("training.batch_size")


def pairs_of_mode(get: Get) -> int:
    """1,024; on the toy genome 48; in SGDet training 64."""
    if get("training.mode") == "sgdet":
        return 64
    return _data_set(get).pairs_per_image


def metric_of_modes(get: Get) -> str:
    """Zero-shot ngR@K in validation, of the first of `evaluation.modes`; K: 100, or the largest of `evaluation.ks`."""
    return f"val/{get('evaluation.modes')[0]}/zs/ngR@{headline_k(get('evaluation.ks'))}"


def direction_of_metric(get: Get) -> str:
    """min for `loss` and for ranks of triplets, max for all others."""
    return "min" if is_lower_better(get("search.metric")) else "max"


def _data_set(get: Get) -> type[DataSettings]:
    """The entry of the data set. Its name is still `auto` where `data` is no section at all."""
    name = get("data.name")
    return DATA_SETS[data_of_root(get) if name == AUTO else name]
