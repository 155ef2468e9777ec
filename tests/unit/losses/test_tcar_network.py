"""T-CAR's plausibility network: its training, what chooses it, and its file. Golden numbers: tests/golden/test_tcar.py.
"""

import logging
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sgg.config import validate
from sgg.experiment import derived_arrays
from sgg.losses.edges.tcar import TCAR, network_training
from sgg.losses.edges.tcar.network import positive_unlabelled_loss
from sgg.losses.edges.tcar.network_training import RECIPE, plausibility_file, trained
from sgg.losses.edges.tcar.triplets import ScoredPlausibility, threshold
from sgg.methods.edge_loss import EdgeContext
from tests.untrained import untrained

SMALL = RECIPE | {"width": 16, "epochs": 20, "updates": 4, "rate": 1e-2}
CLASSES, PREDICATES = 13, 4
ANIMALS, THINGS = range(1, 7), range(7, 13)
PLAUSIBLE = [(s, 1, o) for s, o in product(ANIMALS, THINGS)] + [(s, 2, o) for s, o in product(THINGS, THINGS)]
"""Animals do 1 with things, things do 2 with things, and nothing does 3."""
SEEN = np.array([*PLAUSIBLE[::2], (1, 3, 1)])


def words() -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors that tell animals from things."""
    generator = torch.Generator().manual_seed(0)
    classes = 0.3 * torch.randn(CLASSES, 8, generator=generator)
    classes[list(THINGS)] += 1
    return classes, torch.randn(PREDICATES, 8, generator=generator)


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    return trained(SEEN, words(), SMALL)["scores"]


def test_trained_scores_unseen_triplets_of_the_same_kind_higher(scores) -> None:
    """Half of the plausible triplets are seen. Of the others, most have larger scores than any implausible median."""
    seen = set(map(tuple, SEEN.tolist()))
    unseen = [scores[s, o, p] for s, p, o in PLAUSIBLE if (s, p, o) not in seen]
    others = [scores[s, o, p] for s, p, o in product(range(1, 13), range(1, 4), range(1, 13))
              if (s, p, o) not in {*PLAUSIBLE, *seen}]
    assert np.median(unseen) > np.quantile(others, 0.9)
    assert not scores[0].any()
    assert not scores[:, 0].any()
    assert not scores[..., 0].any()


def test_trained_repeats_itself(scores) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    np.testing.assert_array_equal(trained(SEEN, words(), SMALL)["scores"], scores)
    assert torch.equal(torch.get_rng_state(), before), "draws of a run do not change"


def test_trained_keeps_the_epoch_that_tells_held_out_triplets_best(monkeypatch, caplog) -> None:
    """The third of four epochs is made the best one: its scores are those of three epochs."""
    areas, held = iter([0.5, 0.6, 0.9, 0.8]), []
    monkeypatch.setattr(network_training, "_area", lambda network, *parts: held.append(parts) or next(areas))
    found = trained(SEEN, words(), SMALL | {"epochs": 4})
    areas = iter([0.1, 0.2, 0.3])
    np.testing.assert_array_equal(found["scores"], trained(SEEN, words(), SMALL | {"epochs": 3})["scores"])
    held_out, compared = ({tuple(row) for row in part.tolist()} for part in held[0])
    seen = set(map(tuple, SEEN.tolist()))
    assert len(held_out) == len(SEEN) // 10
    assert held_out <= seen
    assert not compared & seen


def test_positive_unlabelled_loss_without_seen_or_other_triplets() -> None:
    logits = torch.tensor([0.0, 2.0])
    log2 = np.log(2)
    assert positive_unlabelled_loss(logits[:1], torch.tensor([False]), 0.1) == pytest.approx(log2)
    # 0.1 * log 2 for the seen one, and nothing below 0 for the others, which are not there
    assert positive_unlabelled_loss(logits[:1], torch.tensor([True]), 0.1) == pytest.approx(0.1 * log2)


def test_threshold_counts_seen_triplets_too() -> None:
    """Of scores .1, .2, .3, .4 and one 0, the rate .5 is at place int(3 * .5) = 1: .2."""
    scores = np.array([[[0, 0.3, 0.1], [0.0, 0.4, 0.2]]], np.float32)
    assert threshold(scores, 0.5) == pytest.approx(0.2)
    found = ScoredPlausibility.of(scores, 0.5)(torch.tensor([0, 0]), torch.tensor([0, 1]))
    assert found.tolist() == [[False, True, False], [False, True, True]]


def test_plausibility_file_follows_from_triplets_and_words() -> None:
    given = SimpleNamespace(triplets=(SEEN, np.ones(len(SEEN))), word_vectors=words(), num_classes=CLASSES,
                            num_predicates=PREDICATES)
    other = SimpleNamespace(**vars(given) | {"triplets": (SEEN[::-1], 2 * np.ones(len(SEEN)))})
    fewer = SimpleNamespace(**vars(given) | {"triplets": (SEEN[1:], np.ones(len(SEEN) - 1))})
    identity = plausibility_file(given).identity
    assert plausibility_file(other).identity == identity, "neither order nor counts matter"
    assert plausibility_file(fewer).identity != identity
    assert plausibility_file(given, SMALL).identity != identity
    many = SimpleNamespace(**vars(given) | {"num_classes": 2000, "num_predicates": 300})
    with pytest.raises(ValueError, match=r"loss\.plausible network.* 1,194,804,299.*loss\.plausible=contexts"):
        plausibility_file(many)


@pytest.fixture
def on_toy(toy_root, tmp_path, monkeypatch):
    """Opens experiments on the toy genome with small networks."""
    monkeypatch.setattr(network_training, "plausibility_file", lambda statistics: plausibility_file(
        statistics, RECIPE | {"width": 8, "epochs": 1, "updates": 5}))

    def opened(**loss):
        config = validate({"data": {"name": "toy", "root": str(toy_root), "cache": str(tmp_path / "cache")},
                           "loss": {"kind": "tcar", **loss}})
        return untrained(config, toy_root)

    return opened


def test_tcar_with_the_network_is_made_once_for_all(on_toy, tmp_path, monkeypatch, caplog) -> None:
    """`make_ready` makes the file; a loss, the adjustment and other trials read it."""
    caplog.set_level(logging.INFO)
    foundation = on_toy(plausible="network", network_rate=0.5)
    assert foundation.config.compares_classes, "results say which vectors it is made from"
    foundation.make_ready(make_maps=False)
    (path,) = (tmp_path / "cache" / derived_arrays.FOLDER).glob("*.npz")
    assert path.name.startswith("plausibility-")
    assert any("making the plausibility network of T-CAR" in message for message in caplog.messages)
    monkeypatch.setattr(network_training, "trained", None)  # it must not be called again
    experiment = on_toy(plausible="network", network_rate=0.5).experiment
    loss = experiment.config.loss.build(experiment)
    ends = torch.tensor([1, 2, 3])
    assert loss(torch.randn(3, experiment.num_predicates), torch.tensor([0, 1, 2]), EdgeContext(ends, ends)).isfinite()
    known = experiment.config.loss.triplets(experiment, "")
    every = torch.cartesian_prod(*[torch.arange(experiment.num_classes)] * 2)
    plausible = known.at(*every.T).plausible_unseen
    assert not plausible[:, 0].any(), "the background"
    assert not (plausible & known.at(*every.T).seen).any()
    assert plausible.any()


def test_derived_array_that_is_damaged_is_named(on_toy, tmp_path) -> None:
    foundation = on_toy(plausible="network")
    foundation.make_ready(make_maps=False)
    (path,) = (tmp_path / "cache" / derived_arrays.FOLDER).glob("*.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path.name} is damaged .*delete it, and a run makes it again"):
        foundation.config.loss.build(foundation.experiment)


def test_tcar_for_memory_needs_no_network() -> None:
    settings = TCAR(plausible="network", calibration=0.5)
    assert settings.for_memory() == TCAR(calibration=0.5)
    assert settings.needs_words
    assert not TCAR().needs_words
    assert not TCAR().derived(None)
