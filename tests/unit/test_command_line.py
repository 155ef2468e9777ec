"""The command line as a whole: one name for one thing, whichever command it is."""

import argparse
import importlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

SGG = ("sgg.data", "sgg.detector", "sgg.features", "sgg.config", "sgg.checkpoint", "sgg.evaluate", "sgg.predict",
       "sgg.show")
RAY = ("tune", "train", "extract")
ROOT = Path(__file__).parents[2]


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command, and each of its sub-commands, by what one types after `python -m`."""
    from platform.launch import arguments

    made = {name: importlib.import_module(f"{name}.__main__").build_parser() for name in SGG}
    made["platform.results"] = importlib.import_module("platform.results.__main__").build_parser()
    made |= {f"platform.{name}": arguments.build_parser(name, "", name != "extract") for name in RAY}
    for name, parser in made.items():
        yield name, parser
        for action in parser._actions:  # argparse has no public way to walk a parser
            if isinstance(action, argparse._SubParsersAction):
                yield from ((f"{name} {command}", sub) for command, sub in action.choices.items())


PARSERS = dict(parsers())


def shown(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The options that `--help` lists."""
    return [action for action in parser._actions if action.option_strings and action.help is not argparse.SUPPRESS]


def test_parsers_has_every_command() -> None:
    modules = {".".join(path.relative_to(ROOT).parent.parts) for path in [
        *(ROOT / "sgg").rglob("__main__.py"), *(ROOT / "platform").rglob("__main__.py")]}
    modules |= {f"platform.{path.stem}" for path in (ROOT / "platform").glob("[!_]*.py")}
    assert modules == {name for name in PARSERS if " " not in name}


@pytest.mark.parametrize("name", [name for name in PARSERS if " " not in name])
def test_build_parser_gives_every_command_a_version(name: str) -> None:
    assert "--version" in PARSERS[name].format_help()
    assert PARSERS[name].prog == f"python -m {name}"


def test_build_parser_gives_an_option_the_same_meaning_everywhere() -> None:
    """One word for its value and one type for each name."""
    meanings = defaultdict(set)
    for parser in PARSERS.values():
        for action in shown(parser):
            for name in action.option_strings:
                kind = getattr(action.type, "__name__", action.type)
                meanings[name].add((action.metavar, kind, action.nargs))
    assert {name: found for name, found in meanings.items() if len(found) > 1} == {}


@pytest.mark.parametrize(("name", "metavar", "kind"), [
    ("--data", "NAME", None), ("--root", "DIR", Path), ("--out", "DIR", Path)])
def test_build_parser_calls_names_folders_and_targets_alike(name: str, metavar: str, kind: type | None) -> None:
    """`--data` is the name of a data set, `--root` the folder of data sets, `--out` what is written."""
    found = [action for parser in PARSERS.values() for action in shown(parser) if name in action.option_strings]
    assert len(found) > 1
    assert {(action.metavar, action.type) for action in found} == {(metavar, kind)}


def test_former_names_are_shown_nowhere() -> None:
    listed = {name for parser in PARSERS.values() for action in shown(parser) for name in action.option_strings}
    assert not listed & {"--to", "--part", "--data-name", "--data-root"}


@pytest.mark.parametrize(("command", "former", "words"), [
    ("sgg.data prepare", "--to", ["vg"]), ("sgg.data convert", "--to", []), ("sgg.data toy", "--to", []),
    ("sgg.detector train", "--to", []), ("sgg.detector evaluate", "--part", ["d"]),
    ("sgg.features extract", "--part", ["c.yaml"]), ("sgg.evaluate", "--part", ["runs/a"])])
def test_former_names_still_work(command: str, former: str, words: list[str], capsys) -> None:
    PARSERS[command].parse_args([*words, former, "val"])
    assert former in capsys.readouterr().err


@pytest.mark.parametrize(("command", "words"), [
    ("sgg.evaluate", ["runs/a"]), ("sgg.checkpoint import", ["vgrel.pth", "--out", "x"])])
def test_build_parser_takes_a_folder_as_data_as_the_root(command: str, words: list[str], tmp_path, capsys) -> None:
    assert PARSERS[command].parse_args([*words, "--data", str(tmp_path)]).root == tmp_path
    assert "--root" in capsys.readouterr().err


@pytest.mark.parametrize("name", PARSERS)
def test_build_parser_gives_every_option_a_help_text(name: str) -> None:
    assert [action.option_strings for action in PARSERS[name]._actions
            if not action.help and not isinstance(action, argparse._SubParsersAction)] == []
