import pytest
import torch
from torch.nn import functional as F

from sgg.gan.discriminators import ClassConditionalConv, GlobalDiscriminator, RegionDiscriminator, map_sides
from sgg.losses.adversarial import discriminator_loss, generator_loss


def test_class_conditional_conv_is_a_convolution_of_the_stack():
    conv = ClassConditionalConv(3 + 4, 5, 3)
    features, labels = torch.randn(6, 3, 7, 7), torch.tensor([0, 1, 2, 3, 3, 0])
    planes = F.one_hot(labels, 4).float()[:, :, None, None].expand(-1, -1, 7, 7)
    expected = F.conv2d(torch.cat([features, planes], dim=1), conv.weight, conv.bias)
    torch.testing.assert_close(conv(features, labels), expected)


def test_region_discriminator_updates_spectral_norm_once_a_call_in_training_only():
    discriminator = RegionDiscriminator(8, 4)
    inputs = torch.randn(3, 8, 7, 7), torch.tensor([1, 2, 3])
    state = {name: value.clone() for name, value in discriminator.state_dict().items() if name.endswith("_u")}
    discriminator.eval()(*inputs)
    assert all(torch.equal(discriminator.state_dict()[name], value) for name, value in state.items())
    matrix = discriminator.layers[0].weight_orig.detach().flatten(1)
    expected = F.normalize(matrix @ F.normalize(matrix.t() @ state["layers.0.weight_u"], dim=0), dim=0)
    discriminator.train()(*inputs)
    torch.testing.assert_close(discriminator.state_dict()["layers.0.weight_u"], expected)


def test_region_discriminator_has_weights_of_unit_norm_once_the_iteration_has_settled():
    torch.manual_seed(0)
    conv = RegionDiscriminator(8, 4).train().layers[2]
    with torch.no_grad():
        for _ in range(200):
            conv(torch.zeros(1, 4, 3, 3))
        assert float(torch.linalg.matrix_norm(conv.weight.flatten(1), ord=2)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("sides", [
    [38, 36, 18, 16, 8, 6, 3, 1],  # VGG16's map
    [21, 19, 17, 8, 6, 3, 1],  # ResNet-50's: the first stage does not pool
    [22, 20, 18, 9, 7, 3, 1],  # the toy genome's
    [20, 18, 16, 8, 6, 3, 1], [23, 21, 19, 9, 7, 3, 1], [24, 22, 20, 10, 8, 4, 2],
    [37, 35, 18, 16, 8, 6, 3, 1], [39, 37, 19, 17, 8, 6, 3, 1],  # 35 and 37 are rounded up
    [41, 39, 20, 18, 9, 7, 3, 1], [43, 41, 21, 19, 9, 7, 3, 1], [75, 73, 37, 35, 17, 15, 7, 5]],
    ids=lambda sides: str(sides[0]))
@pytest.mark.parametrize("large", [False, True])
def test_map_sides(sides, large):
    """By hand: a 3x3 convolution subtracts 2, pooling halves."""
    assert map_sides(sides[0]) == sides
    seen = [sides[0]]
    hidden = torch.zeros(1, 8, sides[0], sides[0])
    for layer in GlobalDiscriminator(8, sides[0], large=large).layers:
        hidden = layer(hidden)
        seen += [hidden.shape[-1]] if hidden.shape[-1] != seen[-1] else []
    assert seen == sides


@pytest.mark.parametrize(("size", "left"), [
    (12, "12 > 10 > 8 > 4 > 2 > 1 > -1"), (19, "19 > 17 > 15 > 7 > 5 > 2 > 0"),
    (25, "25 > 23 > 12 > 10 > 5 > 3 > 1 > -1"), (36, "36 > 34 > 17 > 15 > 7 > 5 > 2 > 0"), (2, "2 > 0")])
def test_global_discriminator_refuses_a_map_too_small_for_its_stages(size, left):
    with pytest.raises(ValueError, match=f"side of 20 to 24 or of at least 37, got {size}.* {left}: .*levels"):
        GlobalDiscriminator(8, size)


def slow_global_discriminator(state, maps, large, training):
    """The logits of `maps`, and the state afterwards, from the definition; `state` names layers as published."""
    state = dict(state)

    def convolved(inputs, layer):
        weight, u, v = (state[f"layers.{layer}.weight_{part}"] for part in ("orig", "u", "v"))
        matrix = weight.flatten(1)
        if training:  # one power iteration, through which no gradient flows
            v = matrix.detach().t() @ u
            v = v / v.norm()
            u = matrix.detach() @ v
            u = u / u.norm()
            state[f"layers.{layer}.weight_u"], state[f"layers.{layer}.weight_v"] = u, v
        return F.conv2d(inputs, weight / (u @ matrix @ v), state[f"layers.{layer}.bias"])

    def pooled(inputs):  # a cell beyond the border counts in neither the sum nor the number
        filled = [F.avg_pool2d(F.pad(each, (0, 1, 0, 1)), 2) for each in (inputs, torch.ones_like(inputs))]
        return filled[0] / filled[1]

    for stage in range(3):
        maps = F.leaky_relu(convolved(maps, 5 * stage), 0.2)
        if large:
            maps = F.leaky_relu(convolved(maps, 5 * stage + 2), 0.2)
        if stage > 0:
            maps = F.avg_pool2d(maps, 2)
        elif maps.shape[-1] > 22:  # the map itself has a side above 24
            maps = pooled(maps) if maps.shape[-1] % 2 else F.avg_pool2d(maps, 2)
    return convolved(maps, 15), state


@pytest.mark.parametrize("size", [20, 21, 22, 24, 37, 38, 39])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("loss", [discriminator_loss, generator_loss])
def test_global_discriminator_equals_its_definition(size, large, training, loss):
    """Both losses, their gradients by parameters and by maps, and the buffers of the spectral norm."""
    torch.manual_seed(0)
    discriminator = GlobalDiscriminator(8, size, large=large).double().train(training)
    state = {name: value.detach().clone() for name, value in discriminator.state_dict().items()}
    for name, _ in discriminator.named_parameters():
        state[name].requires_grad_()
    fakes = [torch.randn(2, 8, size, size, dtype=torch.float64).requires_grad_() for _ in range(2)]
    fakes[1].data.copy_(fakes[0])
    real = torch.randn(2, 8, size, size, dtype=torch.float64)

    def slow(maps):
        nonlocal state
        logits, state = slow_global_discriminator(state, maps, large, training)
        return logits

    parameters = state
    if loss is discriminator_loss:  # real maps first
        value = discriminator_loss(discriminator, (real,), (fakes[0],))
        expected = F.softplus(-slow(real)).mean() + F.softplus(slow(fakes[1].detach())).mean()
    else:
        value = generator_loss(discriminator, (fakes[0],))
        expected = F.softplus(-slow(fakes[1])).mean()
    torch.testing.assert_close(value, expected)
    value.backward()
    expected.backward()
    torch.testing.assert_close(fakes[0].grad, fakes[1].grad)
    for name, parameter in discriminator.named_parameters():
        torch.testing.assert_close(parameter.grad, parameters[name].grad, msg=name)
    for name, buffer in discriminator.state_dict().items():
        torch.testing.assert_close(buffer, state[name].detach(), msg=name)


def test_discriminators_refuse_sizes_that_cannot_be_divided():
    with pytest.raises(ValueError, match="channels must be divisible by 8 for a discriminator of regions, got 12"):
        RegionDiscriminator(12, 4)
    with pytest.raises(ValueError, match="pool_size must be at least 7"):
        RegionDiscriminator(8, 4, pool_size=5)
    with pytest.raises(ValueError, match="channels must be divisible by 4 for a global discriminator, got 6"):
        GlobalDiscriminator(6, 38)
