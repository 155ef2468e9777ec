"""Only two files use Ray's private parts, as read from the source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PLATFORM = Path(__file__).parents[2] / "platform"
INTERNALS = {PLATFORM / "cluster" / "ray_internals.py", PLATFORM / "cluster" / "ray_train_internals.py"}
TREES = {path: ast.parse(path.read_text()) for path in sorted(PLATFORM.rglob("*.py"))}
OTHERS = sorted(TREES.keys() - INTERNALS)
PRIVATE_MODULE = re.compile(r"\bray\.(?:\w+\.)*_[a-z]\w*|\bray\.core\b|\bray\.train\.v2\b|\bray\.tune\.execution\b")
"""Names of Ray's modules that are private, by an underscore or by being no documented module."""
OF_PYTHON = {"_exit"}
"""Of `os`: documented, in spite of its underscore."""


def private_modules(tree: ast.AST) -> Iterator[str]:
    """Private modules of Ray that a file imports or names, in the text of a program too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]
        else:
            continue
        yield from (name for text in names for name in PRIVATE_MODULE.findall(text))


def own_names() -> set[str]:
    """Private names that classes and modules of the platform define."""
    found = set()
    for tree in (TREES[path] for path in OTHERS):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    return found


def private_attributes(tree: ast.AST, own: set[str]) -> Iterator[str]:
    """Private attributes that a file asks of objects which are not its own: those of others than `self`, and those of
    `self` that no class of the platform defines, which a base class of Ray's must have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            of_self = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if node.attr not in OF_PYTHON and not (of_self and node.attr in own):
                yield ast.unparse(node)


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(PLATFORM)))
def test_private_parts_of_ray_are_used_by_the_internals_only(path: Path) -> None:
    assert not list(private_modules(TREES[path]))
    assert not list(private_attributes(TREES[path], own_names()))


@pytest.mark.parametrize(("source", "found"), [
    ("from ray._private import worker", ["ray._private"]),
    ("import ray._raylet", ["ray._raylet"]),
    ("PROGRAM = 'import sys; from ray._private import services'", ["ray._private"]),
    ("from ray.train.v2._internal.exceptions import RayTrainError", ["ray.train.v2._internal"]),
    ("from ray.tune import Callback\nfrom ray.train import RunConfig", []),
])
def test_private_modules(source: str, found: list[str]) -> None:
    assert list(private_modules(ast.parse(source))) == found


@pytest.mark.parametrize(("source", "found"), [
    ("trial._x", ["trial._x"]), ("self._trial_state", ["self._trial_state"]), ("self._mine", []), ("os._exit(1)", []),
])
def test_private_attributes(source: str, found: list[str]) -> None:
    assert list(private_attributes(ast.parse(source), {"_mine"})) == found
