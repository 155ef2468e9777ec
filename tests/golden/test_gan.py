"""The GAN against numbers of the reference system: outputs, gradients and buffers after each call.

Ours are computed in float64, so that the rounding in question is the reference's, which the files hold, and not also
that of the machine at hand.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.gan import GAN
from sgg.gan.generator import join_dummies
from sgg.gan.graph_conv import GraphTripleConvNet
from sgg.gan.layout import boxes_to_layout
from sgg.gan.published import rename
from sgg.gan.refinement import RefinementNetwork
from sgg.losses.adversarial import discriminator_loss, generator_loss

FILES = Path(__file__).parent / "files"
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


class Golden:
    """One .npz file, as tensors; numbers with a fraction as float64."""

    def __init__(self, name):
        self.arrays = dict(np.load(FILES / f"{name}.npz"))

    def __getitem__(self, key):
        value = torch.from_numpy(np.asarray(self.arrays[key]))
        return value.double() if value.is_floating_point() else value

    def below(self, prefix):
        """What starts with the prefix, under our names."""
        return {rename(key.removeprefix(prefix)): self[key] for key in self.arrays if key.startswith(prefix)}


@pytest.fixture(scope="module", params=["gan_s38", "gan_s12vis"])
def golden(request):
    return Golden(request.param)


@pytest.fixture
def gan(golden):
    """In the state before every call. A map of 12 is too small for the published global discriminator."""
    large, size = bool(golden["largeD"]), int(golden["fmap_sz"])
    levels = ("nodes", "edges", "global") if size == 38 else ("nodes", "edges")
    gan = GAN(12, 8, 16, size, embedding=20, hidden=8, large_discriminator=large, levels=levels,
              visual_conditioning="vis_features" in golden.arrays).double()
    state = golden.below("sd.")
    gan.load_state_dict({key: value for key, value in state.items()
                         if "global" in levels or not key.startswith("discriminators.global.")})
    return gan


def graph(golden):
    """labels, boxes, relations with global rows, image_index, and one real feature of each object's class."""
    image_index, labels = golden["gt_objects"].unbind(1)
    counts = torch.bincount(image_index)
    first = counts.cumsum(0) - counts
    relations = golden["gt_rels"].clone()
    relations[:, 1:3] += first[relations[:, 0]][:, None]
    visual = golden["vis_features"][labels - 1] if "vis_features" in golden.arrays else None
    return labels, golden["boxes_scaled"], relations, image_index, visual


def assert_close_named(actual, expected, tolerance=TOLERANCE):
    for name, value in expected.items():
        torch.testing.assert_close(actual[name], value, msg=lambda text, name=name: f"{name}: {text}", **tolerance)


def tolerance_at_scale(*expected):
    """The tolerance with atol counted in the size of the largest number expected.

    BatchNorm over a dozen rows magnifies float32 rounding: in training the reference's own numbers are up to 3.5e-5
    (maps of size 14) and 2.6e-3 (gradients of size 656) away from a float64 run with the same weights.
    """
    return {"rtol": 1e-4, "atol": 1e-5 * max(1.0, *(float(value.abs().max()) for value in expected))}


def assert_gradient_norms(gan, expected, tolerance=TOLERANCE):
    norms = {name: p.grad.norm() for name, p in gan.named_parameters() if p.grad is not None}
    assert expected.keys() <= norms.keys()
    assert_close_named(norms, expected, tolerance)


def test_join_dummies(golden):
    """The reference puts the dummy behind the objects of its image, ours stand behind all objects."""
    labels, boxes, relations, image_index, _ = graph(golden)
    all_labels, all_boxes, triples = join_dummies(labels, boxes, relations, image_index, int(image_index.max()) + 1)
    objects = golden["out.dummy.objects"]
    is_dummy = objects[:, 1] == 0
    ours_of = torch.where(is_dummy, len(labels) + is_dummy.cumsum(0) - 1, (~is_dummy).cumsum(0) - 1)
    torch.testing.assert_close(all_labels[ours_of], objects[:, 1])
    torch.testing.assert_close(all_boxes[ours_of], golden["out.dummy.boxes"])
    expected = golden["out.dummy.rels"][:, 1:].clone()
    expected[:, :2] = ours_of[expected[:, :2]]
    assert sorted(triples.tolist()) == sorted(expected.tolist())


def test_generator_forward_without_training(golden, gan):
    fake = gan.eval().generate(*graph(golden))
    torch.testing.assert_close(fake, golden["out.eval.fmap"], **TOLERANCE)


def test_generator_forward_gradients_and_buffers_in_training(golden, gan):
    fake = gan.train().generate(*graph(golden))
    torch.testing.assert_close(fake, golden["out.train.fmap"], **tolerance_at_scale(golden["out.train.fmap"]))
    (fake * golden["cot"]).sum().backward()
    gradient = golden["out.train.grad.G_obj_embed.weight"]
    torch.testing.assert_close(gan.generator.class_embedding.weight.grad, gradient, **tolerance_at_scale(gradient))
    norms = golden.below("out.train.gradnorm.")
    rounding = {name: norm for name, norm in norms.items() if norm < 1e-3}
    assert all(name.endswith(".bias") for name in rounding), "biases before a BatchNorm: truly zero"
    assert len(norms) > 2 * len(rounding)
    assert_gradient_norms(gan, {name: norm for name, norm in norms.items() if name not in rounding})
    # Of sums of terms of up to 656, in float64: 656 x 2.2e-16 x 1e4 terms.
    assert_gradient_norms(gan, dict.fromkeys(rounding, torch.zeros((), dtype=torch.float64)), {"rtol": 0, "atol": 2e-9})
    assert_close_named(gan.state_dict(), golden.below("out.train.after."))


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize(("level", "short"), [("nodes", "obj"), ("edges", "rel"), ("global", "fmap")])
def test_discriminator_loss_and_generator_loss(golden, gan, mode, level, short):
    gan.train(mode == "train")
    if level not in gan.discriminators:
        assert f"out.{mode}.D_{short}.loss" not in golden.arrays
        return
    inputs = {"nodes": "nodes", "edges": "edges", "global": "fmaps"}[level]
    fake, real = golden[f"{inputs}_fake"].requires_grad_(), golden[f"{inputs}_real"]
    labels_fake = [golden[f"{inputs}_labels_fake"]] if level != "global" else []
    labels_real = [golden["nodes_labels_real"]] if level == "nodes" else labels_fake
    before = {name: value.clone() for name, value in gan.state_dict().items()}

    discriminator = gan.discriminators[level]
    for key, loss in ((f"out.{mode}.D_{short}", lambda: discriminator_loss(discriminator, (real, *labels_real),
                                                                          (fake, *labels_fake))),
                      (f"out.{mode}.G_{short}", lambda: generator_loss(discriminator, (fake, *labels_fake)))):
        gan.load_state_dict(before)
        gan.zero_grad()
        value = loss()
        torch.testing.assert_close(value, golden[f"{key}.loss"], **TOLERANCE)
        value.backward()
        assert_gradient_norms(gan, golden.below(f"{key}.gradnorm."))
        changed = {name for name, value in gan.state_dict().items() if not torch.equal(value, before[name])}
        after = golden.below(f"{key}.after.")
        assert_close_named(gan.state_dict(), after)
        assert changed.issuperset(after) if mode == "train" else not changed
        if "D_" in key:
            assert fake.grad is None
        else:
            torch.testing.assert_close(fake.grad, golden[f"{key}.grad_fake"], **TOLERANCE)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_graph_triple_conv_net(mode):
    golden = Golden("gan_modules")
    net = GraphTripleConvNet(10, 6, 8, 12, rounds=3).double().train(mode == "train")
    net.load_state_dict(golden.below("gcn_batch_avg.sd."))
    nodes, predicates = net(golden["gcn.obj_vecs"], golden["gcn.pred_vecs"], golden["gcn.edges"])
    for part, actual in (("obj", nodes), ("pred", predicates)):
        expected = golden[f"out.gcn_batch_avg.{mode}.{part}"]
        tolerance = tolerance_at_scale(expected) if mode == "train" else TOLERANCE
        torch.testing.assert_close(actual, expected, **tolerance)
    assert_close_named(net.state_dict(), golden.below(f"out.gcn_batch_avg.{mode}.after."))


@pytest.mark.parametrize("size", [38, 21, 12])
def test_boxes_to_layout(size):
    golden = Golden("gan_modules")
    layout = boxes_to_layout(golden["layout.vecs"], golden["layout.boxes"], golden["layout.obj_to_img"], size)
    torch.testing.assert_close(layout, golden[f"out.layout.vecs.sum.{size}"], **TOLERANCE)


@pytest.mark.parametrize("size", [38, 21, 12])
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_refinement_network(size, mode):
    golden = Golden("gan_modules")
    net = RefinementNetwork(6, [4, 8, 12]).double().train(mode == "train")
    net.load_state_dict(golden.below("crn.sd."))
    torch.testing.assert_close(net(golden[f"crn{size}.layout"]), golden[f"out.crn{size}.{mode}.out"], **TOLERANCE)
    assert_close_named(net.state_dict(), golden.below(f"out.crn{size}.{mode}.after."))


def test_rename_within_a_part():
    assert rename("gconvs.0.net1.0.bias") == "rounds.0.triple_mlp.0.bias"
