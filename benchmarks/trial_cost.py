"""The fixed cost of a trial: a Ray Train trial of ours compared with a plain Tune function, one after another.

    python benchmarks/trial_cost.py [--quick] [--json FILE] [--trials N]

The cost is the time from the last line of user code of a trial to the first line of the next one. With `--trials 100`
the benchmark also shows that the driver does not grow, by its memory after a quarter of the trials and after the last.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import arguments_of, below, judged, report
from sgg.common.atomic import write_json
from sgg.common.run_log import TEST, History

GOAL_S = 15.0
SECONDS = 1.0
MARKS = "marks"


def open_data(config: Any) -> Any:
    """A data set without data."""
    every = dict.fromkeys(("zs", "10s", "100s", "all"), 1)
    return SimpleNamespace(name="toy", description="no data", hash="", findings=(),
                           relations_by_subset=lambda *_: every)


def prepare(config: Any) -> Any:
    """A foundation without shared parts."""
    settings = config.model_dump() | {"training": config.training.model_dump() | {"epochs": 1}}
    return SimpleNamespace(config=type(config).model_validate(settings),
                           provenance={"name": "none", "description": "no data", "hash": ""})


def fit(config: Any, directory: Path, on_epoch_end: Any, resume: bool, start_from: Any,
        make_maps: bool) -> None:
    """A trial of one second that records its begin and its end."""
    begun = time.time()
    time.sleep(SECONDS)
    on_epoch_end(History(directory).append(1, {"loss": 1.0, config.search.metric: 0.5}))
    write_json(Path(directory) / TEST, {"test/sgcls/zs/ngR@100": 0.5})
    mark(Path(config.data.root), begun)


def mark(folder: Path, begun: float) -> None:
    """Record the time of one trial."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{begun}.json").write_text(json.dumps([begun, time.time()]))


def gaps(folder: Path) -> list[float]:
    """Seconds between the end of a trial and the begin of the next one."""
    spans = sorted(json.loads(path.read_text()) for path in folder.iterdir())
    return [after[0] - before[1] for before, after in itertools.pairwise(spans)]


def run_ours(folder: Path, trials: int) -> tuple[list[float], int]:
    """A search of `trials` Train trials, one at a time.

    Returns the driver's memory in MiB after a quarter of the trials and after all, and the trials in the table.
    """
    from platform import tune
    from platform.study.entry_points import EntryPoints

    config = folder / "config.yaml"
    config.write_text(f"experiment: {{name: ours, output: {folder}, seed: 0}}\ndata: {{root: {folder / MARKS}}}\n"
                      f"loss: {{scale: {{search: uniform, low: 1, high: 2}}}}\n"
                      f"search: {{trials: {trials}, max_concurrent: 1}}\nresources: {{gpus: 0}}\n")
    here = "benchmarks.trial_cost"
    marks, quarter = folder / MARKS, []

    def watch() -> None:
        while len(list(marks.glob("*.json"))) < max(1, trials // 4):
            time.sleep(0.2)
        quarter.append(driver_mib())

    threading.Thread(target=watch, daemon=True).start()
    status = tune.main([str(config)], EntryPoints(f"{here}:open_data", f"{here}:prepare", f"{here}:fit"))
    if status:
        raise RuntimeError(f"the search ended with status {status}")
    table = json.loads((folder / "ours" / "results.json").read_text())
    return [quarter[0], driver_mib()], sum(row["n"] for row in table)


def run_plain(folder: Path, trials: int) -> None:
    """The same second as a plain Tune function."""
    from ray import tune

    def work(config: dict[str, Any]) -> None:
        begun = time.time()
        time.sleep(SECONDS)
        tune.report({"epoch": 1})
        mark(Path(config["folder"]), begun)

    tune.run(work, config={"folder": str(folder / MARKS), "number": tune.grid_search(list(range(trials)))},
             storage_path=str(folder), name="plain", max_concurrent_trials=1, verbose=0)


def driver_mib() -> float:
    """Resident memory of this process."""
    return psutil.Process().memory_info().rss / 2**20


def main() -> int:
    """Measure, print, and write the numbers."""
    parser = arguments_of(__doc__, "three trials")
    parser.add_argument("--trials", type=int)
    options = parser.parse_args()
    trials = options.trials or (3 if options.quick else 6)

    from platform.cluster.session import ray_session

    with tempfile.TemporaryDirectory() as name:
        ours, plain = Path(name, "a"), Path(name, "b")
        ours.mkdir()
        plain.mkdir()
        with ray_session("local", "benchmark", num_cpus=2):
            run_plain(plain, min(trials, 6))
            memory, shown = run_ours(ours, trials)
            children = psutil.Process().children(recursive=True)
            working = [child for child in children if child.name().startswith(("ray::Trial", "ray::RayTrainWorker"))]
            idle = psutil.wait_procs(working, timeout=30)[1]
        leaked = psutil.wait_procs(children, timeout=120)[1]
        cost, reference = statistics.median(gaps(ours / MARKS)), statistics.median(gaps(plain / MARKS))
    return report([
        below("fixed cost of a Train trial", cost, "s", reference, GOAL_S),
        below(f"worker processes left after {trials} trials", len(idle), "processes", goal=0),
        below("processes left after Ray's end", len(leaked), "processes", goal=0),
        judged("trials in the table", shown, "trials", trials, "all", shown == trials),
        judged(f"driver memory after {trials} trials, beside that after a quarter of them", memory[1], "MiB", memory[0],
               "flat: at most a tenth more", memory[1] <= 1.1 * memory[0]),
    ], options)


if __name__ == "__main__":
    sys.exit(main())
