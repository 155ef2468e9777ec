import torch

from benchmarks.common import phases as module
from benchmarks.common.paper_step import Size, build
from benchmarks.common.phases import GENERATED, OF_D, OTHER, PERTURB, PLAN, REAL, Phases, backward_as_phase, watch


def test_phases_within_another_one_do_not_count_for_it(monkeypatch):
    clock = iter([0, 1, 11, 13, 113])
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    phases = Phases()
    with phases.phase("outer"), phases.phase("inner"):
        phases.go_on_as("later")
    assert phases.seconds == {"outer": 1 + 100, "inner": 10, "later": 2}


def test_watch_finds_every_part_of_a_step():
    step, phases = build(Size().quick(), True), Phases()
    watch(step.system, phases)
    with backward_as_phase(phases):
        step()
    optimiser = "clipping and optimiser of F"
    assert list(phases.seconds) == [
        OTHER, PLAN, PERTURB, f"{REAL}: pooling", REAL, f"{REAL}: losses", f"{REAL}: F forward", f"{REAL}: F backward",
        f"{REAL}: {optimiser}", GENERATED, f"{GENERATED}: G forward", f"{GENERATED}: pooling",
        f"{GENERATED}: D forward", f"{GENERATED}: losses", f"{GENERATED}: F forward", f"{GENERATED}: F backward",
        f"{GENERATED}: D backward", f"{GENERATED}: G backward", f"{GENERATED}: {optimiser}",
        f"{GENERATED}: optimiser of the generator", OF_D, f"{OF_D}: D forward", f"{OF_D}: D backward",
        f"{OF_D}: optimiser of the discriminators"]


def test_watch_divides_the_backward_pass_of_g_at_its_networks():
    """While gradients of F's weights arrive it is F's, of G's weights G's. Those of D get none."""
    step, phases = build(Size().quick(), True), Phases()
    watch(step.system, phases)
    seen = []
    networks = {"F": step.system.model, "D": step.system.augmenter.gan.discriminators,
                "G": step.system.augmenter.gan.generator}
    for name, network in networks.items():
        for weight in network.parameters():
            weight.register_hook(lambda _, name=name: seen.append((name, phases.current)))
    with backward_as_phase(phases):
        step()
    of_g = {pair for pair in seen if (pair[1] or "").startswith(GENERATED)}
    assert of_g == {(name, f"{GENERATED}: {name} backward") for name in "FG"}
    assert {phase for name, phase in seen if name == "D"} == {f"{OF_D}: D backward"}


def test_watch_changes_no_result():
    def losses(watched: bool) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        step, phases = build(Size().quick(), True), Phases()
        if watched:
            watch(step.system, phases)
        torch.manual_seed(0)
        with backward_as_phase(phases):
            return step().losses

    plain, watched = losses(False), losses(True)
    assert all(torch.equal(plain[name], watched[name]) for name in plain)
