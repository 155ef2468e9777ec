"""Rules that compute defaults from other settings. The reference of settings shows the docstring of a rule."""

from __future__ import annotations

from sgg.common.metric_names import headline_k, is_lower_better
from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.settings.marks import Get

from .choice import AUTO
from .defaults import data_of_root


def rate_of_batch(get: Get) -> float:
    """1e-3 x `training.batch_size`; on the toy genome 2e-3 x `training.batch_size`."""
    return _data_set(get).rate_per_image * get("training.batch_size")


def pairs_of_mode(get: Get) -> int:
    """1,024; on the toy genome 48; with `training.mode` sgdet 64."""
    if get("training.mode") == "sgdet":
        return 64
    return _data_set(get).pairs_per_image


def metric_of_modes(get: Get) -> str:
    """val/MODE/zs/ngR@K with the first MODE of `evaluation.modes`; K is 100, or the largest of `evaluation.ks`."""
    return f"val/{get('evaluation.modes')[0]}/zs/ngR@{headline_k(get('evaluation.ks'))}"


def direction_of_metric(get: Get) -> str | list[str]:
    """min for `loss` and the ranks of triplets, max for all other metrics."""
    metric = get("search.metric")
    return _direction(metric) if isinstance(metric, str) else [_direction(one) for one in metric]


def _direction(metric: str) -> str:
    return "min" if is_lower_better(metric) else "max"


def _data_set(get: Get) -> type[DataSettings]:
    """The entry of the data set. Its name is still `auto` if `data` is no section."""
    name = get("data.name")
    return DATA_SETS[data_of_root(get) if name == AUTO else name]
