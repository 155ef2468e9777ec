"""The second update of a step, on a few toy images: what is mixed in, where it comes from, and what learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sgg.augmentations.feature_mixing.groups import is_head, is_tail
from sgg.config import ConfigError, validate
from sgg.losses import edge_loss
from sgg.systems.contract import Draws
from sgg.systems.two_stage.totals import Totals
from tests.untrained import untrained


@pytest.fixture
def trial(toy_root, tmp_path):
    """A system, the plan of a batch, and what is mixed into it."""
    def made(mode="sgcls", seed=0, model=None, training=None, **mixing):
        torch.manual_seed(0)
        config = validate({
            "data": {"name": "toy", "root": str(toy_root), "cache": str(tmp_path), "flip": False, "workers": 0},
            "training": {"batch_size": 8, "mode": mode, **(training or {})}, "model": model or {},
            "augmentation": {"kind": "feature_mixing", "min_cosine": -1, **mixing}})
        foundation = untrained(config, toy_root)
        system = foundation.build()
        system.train()
        batch = next(foundation.experiment.training_batches().epoch(1))
        plan = system.plan(batch, Draws(seed, 1))
        return foundation, system, plan, system.augmenter.request(plan, Draws(seed, 1))
    return made


def mixed_sample(system, plan, mix):
    sample = plan.sample(system.model, system.device)
    return sample, system.augmenter.mixed(sample, mix, Totals.of(*mix.plan.counts), system.learner)


def test_bank_has_body_and_tail_relations_of_all_of_training(trial) -> None:
    foundation, _, _, _ = trial(examples=2)
    triplets, found = foundation.experiment.data.split("train").annotations.triplets, foundation.relations.triplets
    head = np.flatnonzero(is_head(foundation.experiment))
    wanted = {tuple(one) for one in triplets.tolist() if one[1] not in head}
    assert {tuple(one) for one in found.tolist()} == wanted
    assert np.unique(found, axis=0, return_counts=True)[1].max() == 2


def test_request_mixes_into_background_and_into_relations_that_are_left_out(trial) -> None:
    """Half of the pair stays. The other half is a rare predicate that training shows between the same classes."""
    foundation, system, plan, _ = trial()
    kept = (plan.predicates == 0) | (plan.predicates % 2 == 0)  # the others are left out
    plan = replace(plan, pairs=plan.pairs[kept], predicates=plan.predicates[kept])
    mix = system.augmenter.request(plan, Draws(0, 1))
    own = {tuple(pair): int(predicate) for pair, predicate in zip(plan.pairs.tolist(), plan.predicates, strict=True)}
    left_out = {(s, o): p for _, s, o, p in plan.relations.tolist() if (s, o) not in own}
    seen = {tuple(one) for one in foundation.relations.triplets.tolist()}
    rare = np.flatnonzero(is_tail(foundation.experiment))
    found = {"background": 0, "left out": 0}
    mixed_rows = set(mix.edges.rows.tolist())
    for row, (s, o) in enumerate(mix.plan.pairs.tolist()):
        before, targets = own.get((s, o), left_out.get((s, o))), mix.plan.predicates[row]
        assert targets.sum() == 1
        if row not in mixed_rows:
            assert targets[before] == 1
            assert (s, o) in own
            continue
        hard = int(mix.plan.hard[row])
        assert targets[hard] >= 0.5
        assert targets[before] >= 0.5
        assert (int(plan.labels[s]), hard, int(plan.labels[o])) in seen
        found["background" if before == 0 else "left out"] += 1
        assert hard in rare or before > 0
    assert min(found.values()) > 0
    assert mix.plan.pairs.tolist() == sorted(mix.plan.pairs.tolist())
    assert mix.plan.counts[2] == pytest.approx(float((1 - mix.plan.predicates[:, 0]).sum()))


def test_mixed_features_come_from_the_images_of_their_relations(trial) -> None:
    """Each mixed union box is half that of its relation; a box that is no part of a mixed pair stays as it is."""
    foundation, system, plan, mix = trial()
    sample, mixed = mixed_sample(system, plan, mix)
    relations, rows = foundation.relations, {tuple(pair): row for row, pair in enumerate(plan.pairs.tolist())}
    pooled = relations.request(np.arange(len(relations.triplets)), torch.device("cpu")).result()
    chosen = system.augmenter.choice(plan, plan.labels.numpy(), drawn_as(Draws(0, 1)))
    assert torch.equal(torch.from_numpy(chosen.pairs), mix.plan.pairs)
    for row, relation in zip(chosen.rows.tolist(), chosen.mixed.tolist(), strict=True):
        before = rows.get(tuple(chosen.pairs[row].tolist()))
        if before is not None:
            torch.testing.assert_close(mixed.edges[row], (sample.edges[before] + pooled[relation, 2]) / 2)
    untouched = np.setdiff1d(np.arange(len(plan.labels)), mix.changed.numpy())
    assert len(untouched)
    assert torch.equal(mixed.nodes[untouched], sample.nodes[untouched])
    assert not torch.equal(mixed.nodes, sample.nodes)


def drawn_as(draws: Draws):
    return lambda count: torch.rand(count, generator=draws["mix"], dtype=torch.float64).numpy()


def test_mixing_changes_no_pair_that_vctree_takes_for_related(trial) -> None:
    """The head gets predicates for mixed background, and yet the same related pairs as without mixing."""
    _, system, plan, mix = trial(model={"head": "vctree"})
    given = []
    system.model.relation_head.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    for one in mixed_sample(system, plan, mix):
        system.learner.outputs(one)
    plain, mixed = ({tuple(pair) for pair in one.pairs[one.related].tolist()} for one in given)
    assert plain == mixed == {tuple(pair) for pair in plan.pairs[plan.predicates > 0].tolist()}
    assert (given[1].target_predicates > 0).sum() > given[1].related.sum() > 0


def test_update_trains_on_the_mixed_sample_once(trial) -> None:
    """One step of SGD with the gradient of the losses of the mixed sample."""
    _, system, plan, mix = trial(contrast=0, model={"dropout": 0})
    sample, mixed = mixed_sample(system, plan, mix)
    learner = system.learner
    learner.zero_grad()
    expected = learner.losses(mixed)
    sum(expected.values()).backward()
    gradients = [weight.grad.clone() for weight in system.model.parameters() if weight.grad is not None]
    losses = system.augmenter.update([sample], [system.augmenter.request(plan, Draws(0, 1))], learner)
    assert losses.keys() == {"mixed/nodes", "mixed/edges"}
    for name, value in expected.items():
        torch.testing.assert_close(losses[f"mixed/{name}"], value)
    clipped = [weight.grad for weight in system.model.parameters() if weight.grad is not None]
    ratios = [float((one / other)[other != 0].mean()) for one, other in zip(clipped, gradients, strict=True)
              if (other != 0).any()]
    assert max(ratios) - min(ratios) < 1e-3
    assert len(learner.take_norms()) == 1


def test_update_has_the_soft_edge_loss_and_the_contrast(trial) -> None:
    _, system, plan, mix = trial(model={"dropout": 0})
    sample, mixed = mixed_sample(system, plan, mix)
    logits = system.learner.outputs(mixed).predicate_logits
    losses = system.augmenter.losses(sample, mix_again(system, plan), Totals.of(*mix.plan.counts), len(mix.changed),
                                     system.learner)
    assert losses.keys() == {"mixed/nodes", "mixed/edges", "mixed/contrast"}
    shares = torch.arange(logits.shape[1])
    rows = torch.cat([logits] * len(shares)).reshape(len(shares), *logits.shape)
    foreground = mixed.predicates[:, 1:].sum()
    by_hand = sum((mixed.predicates[:, r] * -rows[r].log_softmax(1)[:, r] * (
        1 - mixed.predicates[:, 0] + mixed.predicates[:, 0])).sum() for r in shares.tolist()) / foreground
    torch.testing.assert_close(losses["mixed/edges"], by_hand)
    assert 0 < losses["mixed/contrast"] < 0.1 * 2 * np.log(2 * len(mix.changed)) * 2
    one_hot = edge_loss(logits, mixed.hard_predicates)
    assert not torch.isclose(one_hot, by_hand)


def mix_again(system, plan):
    return system.augmenter.request(plan, Draws(0, 1))


def test_replaced_objects_take_class_and_features_of_their_group(trial) -> None:
    """`repeat_below` 50 repeats every image at least seven times, so replacing has a probability of .4 or more."""
    foundation, system, plan, mix = trial(repeat_below=50, drop=0, class_groups=1)
    assert len(mix.replaced) > 0
    sample, mixed = mixed_sample(system, plan, mix)
    changed = (mixed.labels != sample.labels).nonzero()[:, 0]
    assert set(changed.tolist()) <= set(mix.replaced.tolist())
    chosen = system.augmenter.choice(plan, plan.labels.numpy(), drawn_as(Draws(0, 1)))
    pooled = foundation.relations.request(chosen.replacing, torch.device("cpu")).result()
    expected = pooled[torch.arange(len(chosen.roles)), torch.from_numpy(chosen.roles)]
    assert torch.equal(mixed.nodes[mix.replaced], expected)
    triplets = foundation.relations.triplets[chosen.replacing]
    assert mixed.labels[mix.replaced].tolist() == triplets[np.arange(len(triplets)), 2 * chosen.roles].tolist()


@pytest.mark.parametrize("method", ["rand", "neigh", "graphn"])
def test_perturbation_chooses_the_classes_and_their_features(trial, method: str) -> None:
    """The perturbed objects get real features of their new classes, and relations are looked up by these."""
    foundation, system, plan, mix = trial(
        perturb={"method": method, "intensity": 1.0} | ({} if method == "rand" else {"topk": 2}), mixed_per_image=0,
        drop=0, model={"head": "motifs"})
    assert len(mix.renewed)
    assert (mix.plan.labels[mix.renewed] != plan.labels[mix.renewed]).all()
    assert not len(mix.replaced)
    sample = plan.sample(system.model, system.device)
    mixed = system.augmenter.mixed(sample, mix, Totals.of(*mix.plan.counts), system.learner)
    store = foundation.features
    for node, label in zip(mix.renewed.tolist(), mix.plan.labels[mix.renewed].tolist(), strict=True):
        own = torch.from_numpy(store[np.flatnonzero(store.labels_of(np.arange(len(store))) == label)]).float()
        feature = mixed.nodes[node]
        distances = (own - feature).abs().amax((1, 2, 3))
        assert distances.min() == 0 if len(own) else not feature.any()
    scores = foundation.detector.logits_of(mixed.nodes[mix.renewed])
    torch.testing.assert_close(mixed.logits[mix.renewed], scores)


@pytest.mark.parametrize("mode", ["sgcls", "predcls", "sgdet"])
@pytest.mark.parametrize("method", ["off", "rand"])
def test_training_step_in_each_mode(trial, mode: str, method: str) -> None:
    foundation, system, _, _ = trial(mode, perturb={"method": method}, training={"accumulate": 2})
    batch = next(foundation.experiment.training_batches().epoch(1))
    result = system.training_step(batch, Draws(0, 1))
    contrast = set() if mode == "predcls" else {"mixed/contrast"}
    assert result.losses.keys() == {"nodes", "edges", "mixed/nodes", "mixed/edges"} | contrast
    assert all(torch.isfinite(value) for value in result.losses.values())
    assert len(result.norms) == 2


def test_sample_pairs_leaves_the_choice_where_nothing_is_dropped(trial) -> None:
    _, system, _, _ = trial(drop=0)
    relations = torch.tensor([[0, 0, 1, 1]])
    assert system.augmenter.sample_pairs(relations, torch.zeros(0, 2), (4, 1), torch.Generator()) is None


def test_repeats_are_of_the_data_and_can_be_off(trial) -> None:
    foundation, system, _, _ = trial(repeat_below=1)
    repeats = system.repeats(foundation.experiment)
    assert repeats.max() > 1
    _, system, _, _ = trial(repeat_below=0)
    assert system.repeats(foundation.experiment) is None


def test_validate_names_what_does_not_fit() -> None:
    for settings, words in (({"share": 0}, "augmentation.share"), ({"class_groups": 0}, "augmentation.class_groups"),
                            ({"perturb": {"method": "neigh", "topk": 0}}, "neigh needs topk")):
        with pytest.raises(ConfigError, match=words):
            validate({"data": {"name": "toy"}, "augmentation": {"kind": "feature_mixing", **settings}})
