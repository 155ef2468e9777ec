import pytest
import torch
from torch.nn import functional as F

from sgg.gan.discriminators import ClassConditionalConv, GlobalDiscriminator, RegionDiscriminator


def test_conditioning_is_a_convolution_of_features_stacked_with_the_class():
    conv = ClassConditionalConv(3 + 4, 5, 3)
    features, labels = torch.randn(6, 3, 7, 7), torch.tensor([0, 1, 2, 3, 3, 0])
    planes = F.one_hot(labels, 4).float()[:, :, None, None].expand(-1, -1, 7, 7)
    expected = F.conv2d(torch.cat([features, planes], dim=1), conv.weight, conv.bias)
    torch.testing.assert_close(conv(features, labels), expected)


def test_spectral_norm_iterates_once_per_call_in_training_and_never_in_evaluation():
    discriminator = RegionDiscriminator(8, 4)
    inputs = torch.randn(3, 8, 7, 7), torch.tensor([1, 2, 3])
    state = {name: value.clone() for name, value in discriminator.state_dict().items() if name.endswith("_u")}
    discriminator.eval()(*inputs)
    assert all(torch.equal(discriminator.state_dict()[name], value) for name, value in state.items())
    matrix = discriminator.layers[0].weight_orig.detach().flatten(1)
    expected = F.normalize(matrix @ F.normalize(matrix.t() @ state["layers.0.weight_u"], dim=0), dim=0)
    discriminator.train()(*inputs)
    torch.testing.assert_close(discriminator.state_dict()["layers.0.weight_u"], expected)


def test_normalised_weights_have_unit_norm_once_the_iteration_has_settled():
    torch.manual_seed(0)
    conv = RegionDiscriminator(8, 4).train().layers[2]
    with torch.no_grad():
        for _ in range(200):
            conv(torch.zeros(1, 4, 3, 3))
        assert float(torch.linalg.matrix_norm(conv.weight.flatten(1), ord=2)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("size", "stages"), [(8, 1), (17, 1), (18, 2), (22, 2), (37, 2), (38, 3), (50, 3)])
@pytest.mark.parametrize("large", [False, True])
def test_stages_follow_from_the_size_of_the_map(size, stages, large):
    discriminator = GlobalDiscriminator(8, size, large=large)
    pools = [layer for layer in discriminator.layers if isinstance(layer, torch.nn.AvgPool2d)]
    convolutions = [layer for layer in discriminator.layers if isinstance(layer, torch.nn.Conv2d)]
    assert len(pools) == stages
    assert len(convolutions) == 1 + stages * (1 + large)
    assert discriminator(torch.randn(2, 8, size, size)).shape[:2] == (2, 1)


@pytest.mark.parametrize(("size", "stages", "least"), [(7, None, 8), (37, 3, 38), (12, 2, 18)])
def test_maps_too_small_for_the_stages(size, stages, least):
    with pytest.raises(ValueError, match=f"needs a map of at least {least} x {least}, got {size} x {size}"):
        GlobalDiscriminator(8, size, stages=stages)


def test_sizes_that_cannot_be_divided():
    with pytest.raises(ValueError, match="channels must be divisible by 8 for a discriminator of regions, got 12"):
        RegionDiscriminator(12, 4)
    with pytest.raises(ValueError, match="pool_size must be at least 7"):
        RegionDiscriminator(8, 4, pool_size=5)
    with pytest.raises(ValueError, match="channels must be divisible by 4 for a global discriminator, got 6"):
        GlobalDiscriminator(6, 38)
