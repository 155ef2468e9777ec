"""The layers of the architecture: who may import whom, read from the source."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIBLINGS = {"data", "features", "models", "gan", "losses", "metrics", "viz"}
GROUND = {"config", "hashing", "hdf5", "locking", "methods", "naming", "structures", "writing"}
"""What everything may import. All other modules of `sgg` lie above the siblings, `platform` above them."""

SOURCES = sorted([*(ROOT / "sgg").rglob("*.py"), *(ROOT / "platform").rglob("*.py")])


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


def layer(module: str) -> str | None:
    """`sgg.gan.perturb` is of `gan`; None for what is not ours."""
    parts = module.split(".")
    return parts[1] if parts[0] == "sgg" and len(parts) > 1 else None


def allowed(owner: str, target: str) -> bool:
    """May a module of layer `owner` import one of `target`?"""
    return owner == target or target in GROUND or owner not in GROUND | SIBLINGS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_down(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    modules = imported_modules(path)
    if parts[0] == "platform":
        return
    assert not {name for name in modules if name.split(".")[0] in {"ray", "platform"}}, "only platform/ imports Ray"
    if len(parts) == 2 and parts[1] == "__init__":
        assert not {name for name in modules if layer(name)}, "importing sgg must stay cheap"
        return
    owner = parts[-1] if parts[-1] == "__main__" else parts[1]  # a command lies above all that it calls
    upward = {name for name in modules if layer(name) and not allowed(owner, layer(name))}
    assert not upward, f"{path.relative_to(ROOT)} imports {sorted(upward)}"


@pytest.mark.parametrize(("owner", "target", "may"), [
    ("gan", "structures", True), ("gan", "gan", True), ("gan", "models", False), ("metrics", "config", True),
    ("metrics", "naming", True), ("config", "naming", True), ("steps", "gan", True),
    ("config", "data", False), ("structures", "models", False), ("models", "fit", False),
    ("data", "writing", True), ("writing", "data", False),
])
def test_the_rule_itself(owner: str, target: str, may: bool) -> None:
    assert allowed(owner, target) is may


def test_no_file_imports_itself_by_way_of_others() -> None:
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
             for path in SOURCES}
    files = {name: imported_modules(path) & names.keys() - {name} for name, path in names.items()}
    # That a package's __init__ gathers its files, and these are found through it, is no circle of ours.
    packages = {name for name, path in names.items() if path.name == "__init__.py"}
    tuple(TopologicalSorter({name: wanted - packages for name, wanted in files.items()}).static_order())


def test_files_stay_small() -> None:
    """Past 300 lines there is a second noun in the file."""
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {name: lines for name, lines in long.items() if lines > 300}


@pytest.mark.parametrize("path", [ROOT / "sgg" / "fit.py", ROOT / "sgg" / "evaluate.py", ROOT / "sgg" / "restore.py",
                                  ROOT / "sgg" / "checkpoint" / "state.py", *sorted((ROOT / "platform").glob("*.py"))],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_what_knows_systems_by_their_contract_names_none_of_their_parts(path: Path) -> None:
    """By name: an identifier, an attribute or an imported module. Messages and figures may speak of detection."""
    names = {name for node in ast.walk(ast.parse(path.read_text())) for name in (
        getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "arg", None)) if name}
    named = {part for name in names | imported_modules(path) for part in name.lower().replace(".", "_").split("_")}
    assert not named & {"detector", "gan", "discriminators"}
