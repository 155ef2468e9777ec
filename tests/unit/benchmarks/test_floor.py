import torch
from torch import nn

from benchmarks.common import floor
from benchmarks.common.floor import Bandwidth, Recorder, Shape, Work, take_turns, work_of
from benchmarks.common.paper_step import Size, build
from sgg.systems.contract import Draws

SMALL = Size().quick()


def shapes(work: Work, operator: str) -> list[tuple[tuple[int, ...], ...]]:
    """The shapes of the matrices of every recorded operator of a name."""
    return [tuple(one.sizes for one in arguments if isinstance(one, Shape) and len(one.sizes) > 1)
            for call, arguments, _ in work.products if call.overloadpacket is getattr(torch.ops.aten, operator)]


def test_recorder_records_products_forward_and_backward():
    """A linear layer [3, 4] -> [3, 5] of an input without gradient: forward, and the gradient of its weights."""
    layer, recorder = nn.Linear(4, 5), Recorder()
    with recorder:
        layer(torch.rand(3, 4)).relu().sum().backward()
    assert shapes(recorder.work, "addmm") == [((3, 4), (4, 5))]
    assert shapes(recorder.work, "mm") == [((5, 3), (3, 4))]
    assert recorder.work.flops() == 2 * 2 * 3 * 4 * 5


def test_recorder_leaves_out_products_with_zeros():
    recorder = Recorder()
    with recorder:
        torch.zeros(3, 4) @ torch.rand(4, 5)
        torch.rand(3, 4) @ torch.rand(4, 5)
    assert len(recorder.work.products) == 1


def test_shape_random_has_the_same_strides():
    for tensor in (torch.rand(3, 4).t(), torch.rand(3, 1).expand(3, 4), torch.rand(6, 8)[:, :5]):
        made = Shape.of(tensor).random()
        assert (made.shape, made.stride(), made.dtype) == (tensor.shape, tensor.stride(), tensor.dtype)


def test_work_of_has_every_product_with_the_weights_of_the_box_heads():
    """Per box head: two layers forward, the gradients of both weights, and the gradient of the second one's input. The
    first one's input is frozen. The box-pair embedding gets its gradient through the summed weights."""
    step = build(SMALL, False)
    work, width, grid = work_of(step), SMALL.head, SMALL.channels * 49
    pairs, objects = SMALL.images * SMALL.objects * (SMALL.objects - 1), SMALL.images * SMALL.objects
    assert SMALL.head != SMALL.hidden
    for rows in (pairs, objects):
        assert shapes(work, "addmm").count(((rows, grid), (grid, width))) == 1
        assert shapes(work, "mm").count(((width, rows), (rows, grid))) == 1
        assert shapes(work, "mm").count(((rows, width), (width, grid))) == 0  # the gradient of frozen features
        assert shapes(work, "addmm").count(((rows, width), (width, width))) == 1
        assert shapes(work, "mm").count(((width, rows), (rows, width))) == 1
        assert shapes(work, "mm").count(((rows, width), (width, width))) == 1
    assert shapes(work, "mm").count(((pairs, width), (width, SMALL.channels))) == 1
    assert shapes(work, "mm").count(((pairs, SMALL.channels), (SMALL.channels, width))) == 0


def test_work_of_counts_a_pass_of_every_optimiser():
    """SGD with momentum reads weight, gradient and moment and writes two of them; Adam has another moment."""
    step = build(SMALL, True)
    gan = step.system.augmenter.gan

    def bytes_of(module: nn.Module) -> int:
        return sum(4 * one.numel() for one in module.parameters())

    trained = bytes_of(step.system.model)  # on real, then on generated features
    assert work_of(step).bytes == 2 * 5 * trained + 7 * (bytes_of(gan.generator) + bytes_of(gan.discriminators))


def test_work_of_leaves_out_gradients_of_discriminators_that_the_update_of_g_does_not_use():
    """A discriminator's convolution runs backward three times in a step: for G, which needs no gradient of weights, and
    for D on real and generated inputs."""
    work = work_of(build(SMALL, True))
    weight = (SMALL.channels // 2, SMALL.channels, 3, 3)  # of the first layer of the global discriminator
    inputs = (SMALL.images, SMALL.channels, SMALL.map_side, SMALL.map_side)
    masks = [arguments[-1] for call, arguments, _ in work.products
             if call.overloadpacket is torch.ops.aten.convolution_backward
             and (arguments[1].sizes, arguments[2].sizes) == (inputs, weight)]
    assert sorted(masks) == [[False, True, True], [False, True, True], [True, False, False]]


def test_work_of_changes_nothing_afterwards():
    """The same step gives the same losses after it as without it."""
    def losses(recorded: bool):
        step = build(SMALL, True)
        if recorded:
            state = {name: {key: value.clone() for key, value in network.state_dict().items()}
                     for name, network in step.system.networks.items()}
            work_of(step)
            for name, network in step.system.networks.items():
                network.load_state_dict(state[name])
        torch.manual_seed(0)
        step.system.optimizers["model"].state.clear()
        return step.system.training_step(step.batch, Draws(0, 1)).losses, step

    (plain, _), (again, step) = losses(False), losses(True)
    assert all(torch.equal(plain[name], again[name]) for name in plain)
    assert all(one.requires_grad for one in step.system.augmenter.gan.discriminators.parameters())


def test_take_turns_alternates(monkeypatch):
    """Seconds are those of a clock that moves by one with each reading, so every call takes one."""
    clock = iter(range(1000))
    monkeypatch.setattr(floor.time, "perf_counter", lambda: next(clock))
    bandwidth = Bandwidth(8, torch.device("cpu"))
    assert bandwidth.bytes == 3 * 4 * 8
    calls: list[str] = []
    monkeypatch.setattr(bandwidth, "run", lambda: calls.append("pass"))
    work = Work(bytes=48)
    monkeypatch.setattr(work, "ready", lambda: lambda: calls.append("products"))
    turns = take_turns(lambda: calls.append("step"), work, bandwidth, 2)
    assert calls == ["step", "products", "pass"] * 3
    assert turns.floors == [1.5, 1.5]  # half of the vectors' bytes
    assert turns.ratio == 1 / 1.5
