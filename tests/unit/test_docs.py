"""The documentation is true: its files exist, its commands are understood, its Python runs."""

import argparse
import importlib
import re
from pathlib import Path

import pytest
import yaml

from docs.links import on_page_markdown
from tests.unit.test_command_line import PARSERS

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "cluster" / "README.md",
        ROOT / "benchmarks" / "RESULTS.md", *sorted((ROOT / "docs").rglob("*.md"))]
OURS = "sgg", "platform", "tests", "docs", "tune_configs", "cluster", "examples", "benchmarks", ".ci"
"""Top folders of the repository; other paths in the docs are a user's."""
SOURCES = sorted([*(ROOT / "sgg").rglob("*.py"), *(ROOT / "platform").rglob("*.py")])
CONFIGS = sorted((ROOT / "tune_configs").rglob("*.yaml"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def paths_in(text: str) -> set[str]:
    """Paths of the repository that a text names, without ends of sentences, anchors and glob patterns."""
    found = re.findall(rf"(?<![\w/.-])(?:{'|'.join(map(re.escape, OURS))})/[\w./-]*\w/?", text)
    return {path for path in found if "." in path.rpartition("/")[2] or path.endswith("/")}


@pytest.mark.parametrize("page", DOCS, ids=name_of)
def test_paths_exist(page: Path) -> None:
    assert sorted(path for path in paths_in(page.read_text()) if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("page", DOCS, ids=name_of)
def test_pages_link_to_files_that_exist(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_paths_in_is_not_blind() -> None:
    text = "see `sgg/losses/edges/dnorm.py`, tests/golden/ and [x](docs/SYSTEM.md). data/VG/a.h5 is a user's."
    assert paths_in(text) == {"sgg/losses/edges/dnorm.py", "tests/golden/", "docs/SYSTEM.md"}


def found_by_name(name: str) -> bool:
    """Whether a dotted name is one of our modules, or a name in one."""
    module, _, last = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return bool(module) and hasattr(importlib.import_module(module), last)
    return True


@pytest.mark.parametrize("page", DOCS, ids=name_of)
def test_names_of_python_exist(page: Path) -> None:
    names = set(re.findall(r"`(sgg(?:\.\w+)+)", page.read_text()))
    assert sorted(name for name in names if not found_by_name(name)) == []


def test_names_of_python_in_the_source_exist() -> None:
    """Docstrings and comments name where to read on."""
    named = {(name, name_of(path)) for path in SOURCES for name in re.findall(r"`(sgg(?:\.\w+)+)", path.read_text())}
    assert len(named) > 50
    assert sorted(pair for pair in named if not found_by_name(pair[0])) == []


def commands_in(text: str) -> list[str]:
    """What follows `python -m` in code, up to a comment or the end of an inline piece of code."""
    code = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^(?:    |#   )(.*)$", text, re.M)]
    found = [match for piece in code for match in re.findall(r"python -m ((?:sgg|platform)\.[^#&`\"]*)", piece)]
    return [command.strip() for command in found]


PAGES = [*DOCS, *CONFIGS, ROOT / "cluster" / "slurm.sh", ROOT / "cluster" / "rayjob.yaml", *(
    ROOT / "examples").glob("*.py")]
COMMANDS = sorted({(name_of(page), command) for page in PAGES for command in commands_in(page.read_text())})


def test_pages_have_commands() -> None:
    assert len(COMMANDS) > 40


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_pages_have_commands_that_the_parsers_accept(page: str, command: str) -> None:
    """Commands, sub-commands and options exist. `a | b` names several; brackets hold what may be left out."""
    module, *words = re.sub(r"[\[\])]", " ", command).split()
    choices = [word for word in words if word != "|"] if "|" in words else words[:1]
    commands = [f"{module} {word}" for word in choices if f"{module} {word}" in PARSERS] or [module]
    assert "|" not in words or len(commands) == len(choices), f"{page}: {command}"
    for name in commands:
        assert name in PARSERS, f"{page}: there is no {name}"
        known = {option for action in PARSERS[name]._actions for option in action.option_strings
                 if action.help is not argparse.SUPPRESS}
        assert {word for word in words if re.match(r"--\w", word)} - known - {"--help", "--version"} == set(), page


def test_readme_python_prints_what_it_says(capsys) -> None:
    """It prints what its comment says."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    exec(compile(code, "README.md", "exec"), {})
    (said,) = re.findall(r"print\(.*\)\s+# ([\d.]+):", code)
    assert capsys.readouterr().out.strip() == said


def test_metrics_python_prints_what_it_says(capsys) -> None:
    """The worked example computes what its text says: recalls of an image in fractions of its three relations."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "METRICS.md").read_text(), re.S)
    exec(compile(code, "METRICS.md", "exec"), {})
    *lines, last = capsys.readouterr().out.splitlines()
    assert [", ".join(line.split()[1] for line in lines), last] == re.findall(r"# ([\d., ]+)$", code, re.M)


def test_site_has_every_page() -> None:
    """mkdocs itself checks that the pages that it names exist: `.ci/run` builds the site."""
    named = set(re.findall(r"[\w/]+\.md", (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]))
    assert named == {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}


def test_site_links_the_pages_that_a_text_names() -> None:
    text = "`docs/METRICS.md` and [`docs/DATA.md`](DATA.md); `docs/no.txt`"
    assert on_page_markdown(text, None, None, None) == (
        "[`docs/METRICS.md`](METRICS.md) and [`docs/DATA.md`](DATA.md); `docs/no.txt`")


def test_readme_stays_short() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 130
    assert re.findall(r"^## (.*)", text, re.M) == ["Two commands", "Reproduce the papers", "Python", "Your own data",
                                                   "Your own head", "What is in it", "Limits", "Citation"]


def test_published_values_are_those_of_the_paper_configs() -> None:
    """A row of the README's table has the four numbers that the head of its config gives."""
    rows = re.findall(r"^\| `(tune_configs/paper/\w+\.yaml)`.*?\| ([\d.]+(?: / [\d.]+){3}) \|",
                      (ROOT / "README.md").read_text(), re.M)
    assert len(rows) == 4
    for path, values in rows:
        assert values in " ".join((ROOT / path).read_text().split())


def test_pre_commit_hooks_are_local() -> None:
    """A commit needs no network."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert {hook["id"] for hook in hooks} == {"ruff", "mypy", "shellcheck"}
    assert {hook["language"] for hook in hooks} == {"system"}
