import pytest
import torch
from torch.nn import functional as F

from sgg.gan import GAN
from sgg.gan.generator import join_dummies
from sgg.gan.graph_conv import GraphTripleConv
from sgg.gan.layout import boxes_to_layout
from sgg.gan.refinement import RefinementNetwork


def graph(counts, relations=()):
    """Labels, boxes, relations and image_index of images with the given numbers of objects."""
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(sum(counts), 2, 2, generator=generator).sort(dim=1).values
    return (torch.randint(1, 6, (sum(counts),), generator=generator), corners.flatten(1),
            torch.tensor(relations, dtype=torch.int64).view(-1, 4),
            torch.arange(len(counts)).repeat_interleave(torch.tensor(counts)))


def small(map_size=12, **options):
    torch.manual_seed(0)
    return GAN(6, 4, 8, map_size, embedding=5, hidden=4, **{"levels": ("nodes", "edges")} | options)


def test_boxes_to_layout_is_the_sum_of_each_object_sampled():
    """The definition: sample the features of every object on the grid of its image, and add up."""
    _, boxes, _, image_index = graph([3, 0, 5])
    features = torch.randn(8, 2, 7, 5)
    size = 9
    points = torch.linspace(0, 1, size)
    expected = torch.zeros(3, 2, size, size)
    for feature, (x1, y1, x2, y2), image in zip(features, boxes, image_index, strict=True):
        x, y = (points - x1) / (x2 - x1) * 2 - 1, (points - y1) / (y2 - y1) * 2 - 1
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[None]
        expected[image] += F.grid_sample(feature[None], grid, align_corners=False)[0]
    layout = boxes_to_layout(features, boxes, image_index, size, num_images=3)
    torch.testing.assert_close(layout, expected, rtol=1e-4, atol=1e-5)


def test_boxes_to_layout_of_a_box_without_extent_is_finite():
    boxes = torch.tensor([[0.5, 0.2, 0.5, 0.9], [0.0, 0.0, 0.0, 0.0]])
    features = torch.ones(2, 3, 7, 7, requires_grad=True)
    layout = boxes_to_layout(features, boxes, torch.tensor([0, 1]), 8)
    layout.sum().backward()
    assert layout.isfinite().all()
    assert features.grad.isfinite().all()


def test_graph_triple_conv_averages_over_all_roles():
    """One linear layer that copies: object 1 gets the object part of one triple and the subject part of another."""
    conv = GraphTripleConv(1, 1, 2, 2, last=True)
    conv.triple_mlp = torch.nn.Linear(3, 6, bias=False)
    conv.node_mlp = torch.nn.Identity()
    with torch.no_grad():
        conv.triple_mlp.weight.copy_(torch.tensor(
            [[1., 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]]))
    nodes, predicates = conv(torch.tensor([[1.], [2.], [3.], [4.]]), torch.tensor([[10.], [20.]]),
                             torch.tensor([[0, 1], [1, 2]]))
    assert nodes.tolist() == [[1, 0], [1, 1], [0, 3], [0, 0]]
    assert predicates.tolist() == [[10, 0], [20, 0]]


def test_join_dummies_joins_every_object_of_the_image():
    labels, boxes, relations, image_index = graph([2, 1], [[0, 0, 1, 3]])
    all_labels, all_boxes, triples = join_dummies(labels, boxes, relations, image_index, 3)
    assert all_labels[3:].tolist() == [0, 0, 0]
    assert all_boxes[3:].tolist() == [[0, 0, 1, 1]] * 3
    assert sorted(triples.tolist()) == sorted(
        [[0, 1, 3], [3, 0, 0], [3, 1, 0], [4, 2, 0], [0, 3, 0], [1, 3, 0], [2, 4, 0]])


@pytest.mark.parametrize(("counts", "relations"), [
    ([1], []), ([3], []), ([1, 1], []), ([4, 1, 2], [[0, 1, 2, 3], [2, 5, 6, 1]]), ([2, 0, 3], [[0, 0, 0, 1]])])
def test_generator_on_odd_graphs_in_training(counts, relations):
    """One object, no relation, a self relation, an image without objects: a map each, and finite gradients."""
    gan = small().train()
    fake = gan.generate(*graph(counts, relations), num_images=len(counts))
    assert fake.shape == (len(counts), 8, 12, 12)
    assert (fake >= 0).all()
    fake.sum().backward()
    assert all(p.grad.isfinite().all() for p in gan.generator.parameters())


def test_generator_keeps_images_separate():
    """Without batch statistics the map of an image is the same alone and in a batch."""
    gan = small().eval()
    labels, boxes, relations, image_index = graph([3, 2], [[0, 0, 1, 3], [1, 4, 3, 2]])
    both = gan.generate(labels, boxes, relations, image_index)
    alone = gan.generate(labels[3:], boxes[3:], torch.tensor([[0, 1, 0, 2]]), image_index[3:] - 1)
    torch.testing.assert_close(both[1:], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("size", "sizes"), [(8, [2, 4, 8]), (22, [4, 8, 22]), (38, [8, 16, 38])])
def test_refinement_network_works_from_coarse_to_fine(size, sizes):
    net, seen = RefinementNetwork(3, [4, 4, 4]), []
    for stage in net.stages:
        stage.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[-1]))
    assert net(torch.rand(1, 3, size, size)).shape == (1, 4, size, size)
    assert seen == sizes


def test_generate_requires_and_uses_visual_conditioning():
    gan = small(visual_conditioning=True).eval()
    inputs = graph([2, 2])
    real = torch.rand(4, 8, 7, 7)
    assert not torch.equal(gan.generate(*inputs, visual=real), gan.generate(*inputs, visual=torch.zeros_like(real)))
    with pytest.raises(ValueError, match=r"visual features.*visual_conditioning"):
        gan.generate(*inputs)
    with pytest.raises(ValueError, match=r"visual features.*visual_conditioning"):
        small().generate(*inputs, visual=real)
    with pytest.raises(ValueError, match=r"visual must have shape \[4, 8, 7, 7\], got \[4, 8, 5, 5\]"):
        gan.generate(*inputs, visual=real[:, :, :5, :5])


def test_generator_embeddings_start_from_given_vectors():
    vectors = torch.randn(6, 5)
    gan = small(class_vectors=vectors, predicate_vectors=torch.ones(4, 5))
    assert torch.equal(gan.generator.class_embedding.weight, vectors)
    assert (gan.generator.predicate_embedding.weight == 1).all()
    with pytest.raises(ValueError, match=r"class_vectors must have shape \[6, 5\], got \[6, 4\]"):
        small(class_vectors=torch.ones(6, 4))


@pytest.mark.parametrize(("options", "message"), [
    ({"map_size": 7}, "map_size must be at least 8.*got 7"),
    ({"channels": 6}, "channels must be divisible by 4 and hidden by 2, got 6 and 4"),
    ({"hidden": 3}, "channels must be divisible by 4 and hidden by 2, got 8 and 3"),
    ({"levels": ("nodes", "pixels")}, "levels must be among nodes, edges, global, got pixels"),
])
def test_gan_refuses_sizes_that_do_not_fit(options, message):
    settings = {"num_classes": 6, "num_predicates": 4, "channels": 8, "map_size": 12, "hidden": 4}
    with pytest.raises(ValueError, match=message):
        GAN(**settings | options)

