"""The layers of the architecture: who may import whom, read from the source."""

import ast
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SGG = ("structures", "common", "settings", "methods", "config",
       "viz", "metrics", "features", "perturbations", "gan", "models", "losses", "adjustments",
       "data", "detector", "checkpoint", "experiment", "systems", "augmentations", "evaluate", "predict", "importing",
       "training", "show")
"""The packages of `sgg`, each of which may import those before it. Entries of registries stand in packages of this
order too; a registry finds them by name."""
PLATFORM = ("study", "cluster", "results", "trial", "search", "callbacks", "launch")
"""The same of `platform`, whose commands lie above them."""
PARTS = {"sgg.data": ("images", "checks", "loading", "readers", "writers", "fetch", "toy", "sets")}
"""The same of the folders within a package; the package's own files may import them and be imported by them."""
SOURCES = sorted([*(ROOT / "sgg").rglob("*.py"), *(ROOT / "platform").rglob("*.py")])
NAMES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in SOURCES}


def imported_modules(path: Path) -> set[str]:
    """Dotted names of all that a file imports, wherever in it; relative imports made absolute."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def fault_of(importer: str, imported: str) -> str | None:
    """Why one of our modules may not import another, by their dotted names; None where it may."""
    here, there = importer.split("."), imported.split(".")
    if here[0] == "sgg" and there[0] in ("platform", "ray"):
        return "only platform/ imports Ray"
    if there[0] not in ("sgg", "platform") or len(there) == 1 or here[-1] == "__main__":  # a command lies above all
        return None
    if here == ["sgg"]:
        return "importing sgg must stay cheap"
    orders = {"sgg": SGG, "platform": PLATFORM, **PARTS}
    for depth in range(1, min(len(here), len(there))):
        order = orders.get(".".join(here[:depth]))
        if here[:depth] != there[:depth] or order is None:
            return None
        one, other = here[depth], there[depth]
        if one != other:
            if one in order and other not in order:
                return None if depth > 1 else f"{other} has no place in the order of {here[0]}"
            return None if one not in order or order.index(other) < order.index(one) else f"{other} lies above {one}"
    return None


@pytest.mark.parametrize("name", NAMES)
def test_imports_point_down(name: str) -> None:
    path = NAMES[name]
    importer = f"{name}.__init__" if path.name == "__init__.py" and name not in ("sgg", "platform") else name
    faults = {imported: fault for imported in imported_modules(path) if (fault := fault_of(importer, imported))}
    assert not faults


@pytest.mark.parametrize(("importer", "imported", "may"), [
    ("sgg.gan.generator", "sgg.common.device", True), ("sgg.gan.generator", "sgg.gan.layout", True),
    ("sgg.gan.generator", "sgg.models.scene_graph", False), ("sgg.metrics.recall", "sgg.config.schema", True),
    ("sgg.config.schema", "sgg.data", False), ("sgg.structures", "sgg.models", False),
    ("sgg.models.heads.imp", "sgg.training.fit", False), ("sgg.common.atomic", "sgg.data.dataset", False),
    ("sgg.data.images.image_files", "sgg.data.readers.gqa", False),
    ("sgg.data.toy.genome", "sgg.data.readers.gqa", True),
    ("sgg.data.dataset", "sgg.data.images.image_index", True), ("sgg.data.readers.gqa", "sgg.data.dataset", True),
    ("sgg.data.__main__", "sgg.training.fit", True), ("sgg.training.fit", "platform.tune", False),
    ("platform.study.directory", "platform.search.schedule", False), ("platform.tune", "platform.launch.run", True),
    ("platform.trial.worker", "sgg.config", True), ("sgg", "sgg.structures", False),
])
def test_fault_of(importer: str, imported: str, may: bool) -> None:
    assert (fault_of(importer, imported) is None) is may


def test_contract_of_systems_knows_no_system() -> None:
    """Training, evaluation and the platform know a system by its contract, so a second system can stand beside the
    first."""
    modules = {path.stem: imported_modules(path) for path in (ROOT / "sgg/systems").glob("*.py")
               if path.stem != "__init__"}  # which opens the system
    assert {name for name, found in modules.items() if any("two_stage" in one for one in found)} == set()
    above = [path for folder in ("training", "checkpoint") for path in (ROOT / "sgg" / folder).rglob("*.py")]
    above += (ROOT / "platform").rglob("*.py")
    assert {path.name for path in above if any("systems.two_stage" in one for one in imported_modules(path))} == set()


def test_order_has_every_package() -> None:
    assert {path.stem if path.is_file() else path.name for path in (ROOT / "sgg").iterdir()
            if path.name not in ("__pycache__", "py.typed", "__init__.py")} == set(SGG)
    assert {path.name for path in (ROOT / "platform").iterdir() if path.is_dir()} - {"__pycache__"} == set(PLATFORM)
    for package, order in PARTS.items():
        folder = ROOT.joinpath(*package.split("."))
        assert {path.name for path in folder.iterdir() if path.is_dir()} - {"__pycache__"} == set(order)


def test_roots_hold_no_loose_modules() -> None:
    assert {path.name for path in (ROOT / "sgg").glob("*.py")} == {"__init__.py", "structures.py"}
    assert {path.name for path in (ROOT / "platform").glob("*.py")} == {"__init__.py", "tune.py", "train.py",
                                                                       "extract.py"}


def test_imports_of_files_have_no_circle() -> None:
    files = {name: imported_modules(path) & NAMES.keys() - {name} for name, path in NAMES.items()}
    # That a package's __init__ gathers its files, and these are found through it, is no circle of ours.
    packages = {name for name, path in NAMES.items() if path.name == "__init__.py"}
    tuple(TopologicalSorter({name: wanted - packages for name, wanted in files.items()}).static_order())


def test_imports_of_packages_have_no_circle() -> None:
    """Independent of the orders above. Commands import whatever they call, and are left out."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for name, path in NAMES.items():
        if path.name != "__main__.py" and name.startswith("sgg."):
            wanted[_top(name)] |= {_top(other) for other in imported_modules(path) if other.startswith("sgg.")}
    tuple(TopologicalSorter({name: others - {name} for name, others in wanted.items()}).static_order())


def _top(module: str) -> str:
    return ".".join(module.split(".")[:2])


def test_files_stay_small() -> None:
    """Past 300 lines there is a second noun in the file."""
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {name: lines for name, lines in long.items() if lines > 300}


BY_CONTRACT = sorted([*(ROOT / "sgg" / "training").glob("*.py"), *(ROOT / "platform").rglob("*.py"),
                      *(ROOT / "sgg" / "evaluate" / f"{name}.py"
                        for name in ("evaluation", "restore", "measured", "shown", "__main__")),
                      ROOT / "sgg" / "checkpoint" / "state.py"])
"""What knows systems by their contract only."""


@pytest.mark.parametrize("path", BY_CONTRACT, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_of_those_that_know_the_contract_name_no_part_of_a_system(path: Path) -> None:
    """By name: an identifier, an attribute or an imported module. Messages and figures may speak of detection."""
    names = {name for node in ast.walk(ast.parse(path.read_text())) for name in (
        getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "arg", None)) if name}
    named = {part for name in names | imported_modules(path) for part in name.lower().replace(".", "_").split("_")}
    assert not named & {"detector", "gan", "discriminators"}
