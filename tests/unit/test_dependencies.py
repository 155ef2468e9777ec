"""Every dependency is bounded above, and what is installed is what the bounds allow."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [Requirement(line) for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_dependencies_are_bounded_to_tried_versions(requirement: Requirement) -> None:
    assert {"<", "=="} & {part.operator for part in requirement.specifier}
    assert requirement.specifier.contains(version(requirement.name), prereleases=True)


@pytest.mark.parametrize("line", [line for extra in PROJECT["optional-dependencies"].values() for line in extra])
def test_extras_are_bounded(line: str) -> None:
    assert {"<", "=="} & {part.operator for part in Requirement(line).specifier}


def test_project_names_authors_and_addresses() -> None:
    """The main job needs no extra; `docs`, `test` and `corruptions` are the extras."""
    assert set(PROJECT["optional-dependencies"]) == {"docs", "test", "corruptions"}
    assert PROJECT["authors"]
    assert all(url.startswith("https://") for url in PROJECT["urls"].values())


def test_dependencies_have_all_that_the_code_imports() -> None:
    """Packages by the names they are imported under, or with which other they come, where that is not their own."""
    installed_as = {"yaml": "pyyaml", "PIL": "pillow", "sklearn": "scikit-learn", "google_crc32c": "google-crc32c",
                    "pydantic_core": "pydantic", "tensorboardX": "ray"}
    root = Path(__file__).parents[2]
    imported = {match for folder in ("sgg", "platform") for path in (root / folder).rglob("*.py")
                for match in re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.M)}
    named = {requirement.name for requirement in REQUIREMENTS}
    missing = []
    for name in sorted(imported):
        try:
            version(installed_as.get(name, name))
        except PackageNotFoundError:
            continue  # of the standard library, or ours
        if installed_as.get(name, name) not in named:
            missing.append(name)
    assert missing == []
