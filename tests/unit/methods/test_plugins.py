"""A user's own entries, from files and packages outside the repository."""

import shutil
import sys
from pathlib import Path

import pytest

from sgg.common.command_line import MISTAKE, run_command
from sgg.config import ConfigError, load, validate
from sgg.config.by_role import role_of
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.head import HEADS
from sgg.methods.loaded_plugins import plugin_of
from sgg.methods.plugin_errors import naming_faults, naming_places, place_in_plugins, reason_of
from sgg.methods.plugin_files import PluginError, find_plugin
from sgg.methods.plugins import fault_of_plugins, load_plugins, loaded_digests, unload_plugins
from tests.plugins import no_plugin_stays

HEAD = '''
from typing import Annotated, Literal

from sgg.settings.roles import trains
from sgg.methods.head import HEADS, Head


@HEADS.register
class Mine(Head):
    """A head of my own."""

    kind: Annotated[Literal["mine"], trains()] = "mine"
    """Mine."""
    width: Annotated[int, trains()] = 7
    """Of nothing."""

    def build(self, sizes, words=None):
        raise NotImplementedError
'''


@pytest.fixture(autouse=True)
def _nothing_stays():
    with no_plugin_stays():
        yield
    assert "mine" not in HEADS.entries


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "my_head.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path
    return write


def load_text(write, text: str, *overrides: str):
    return load(write(text, "study.yaml"), overrides)


def test_load_plugins_of_a_file_beside_the_config(write) -> None:
    path = write(HEAD)
    study = load_text(write, "{experiment: {plugins: my_head.py}, model: {head: {kind: mine, width: "
                             "{search: grid, of: [1, 2]}}}}")
    assert study.base.experiment.plugins == [str(path)]
    assert [study.trial({"model.head.width": width}).model.head.width for width in (1, 2)] == [1, 2]
    assert role_of("model.head.width").searchable
    with pytest.raises(ConfigError, match=r"model\.head\.kind must be one of 'imp', .*'mine', got 'mien'.*mean mine"):
        validate({"model": {"head": "mien"}})
    assert plugin_of(HEADS["mine"]) == find_plugin("my_head.py", [path.parent])
    assert plugin_of(HEADS["imp"]) is None


def test_load_plugins_of_a_module_in_a_package(write, monkeypatch) -> None:
    """With or without __init__.py, from the folder of the config or from Python's path."""
    write(HEAD, "lib/my_package/heads/mine.py")
    monkeypatch.syspath_prepend(str(write("", "lib/empty.py").parent))
    study = load_text(write, "experiment: {plugins: [my_package.heads.mine]}\nmodel: {head: mine}")
    (full_name,) = study.base.experiment.plugins
    assert full_name.endswith("lib::my_package.heads.mine")
    assert find_plugin(full_name, []) == find_plugin("my_package.heads.mine", [])
    assert study.base.model.head.width == 7


def test_load_plugins_named_on_the_command_line(write, tmp_path, monkeypatch) -> None:
    write(HEAD, "here/my_head.py")
    monkeypatch.chdir(tmp_path / "here")
    assert load_text(write, "", "experiment.plugins=[my_head.py]", "model.head=mine").base.model.head.kind == "mine"


BROKEN = {
    "syntax": ("x = 1\ny = (\n", r"my_head\.py:2: SyntaxError"),
    "exception": ("x = 1\nassert x == 2\n", r"my_head\.py:2: AssertionError"),
    "missing": ("import no_such_module\n", r"my_head\.py:1: ModuleNotFoundError: .*no_such_module"),
    "exit": ("import sys\nsys.exit(0)\n", r"my_head\.py:2: SystemExit"),
    "duplicate": (HEAD.replace('"mine"', '"imp"'), r"my_head\.py:8: there is a relation head 'imp' already, in "
                                                   r".*imp/__init__\.py:\d+"),
    "signature": (HEAD.replace("sizes, words=None", "sizes"), r"my_head\.py:17: Mine\.build must take \(self, sizes, "
                                                              r"words\)"),
    "no build": (HEAD.partition("    def build")[0], r"my_head\.py:8: Mine needs a method build\(self, sizes, words\)"),
    "no default": (HEAD.replace(" = 7", ""), r"my_head\.py:8: Mine\.width needs a default"),
    "wrong default": (HEAD.replace(" = 7", ' = "x"'), r"my_head\.py:8: the defaults of Mine are wrong: .*width"),
    "no role": (HEAD.replace("Annotated[int, trains()]", "int"), r"my_head\.py:9: TypeError: Mine\.width has no role"),
    "no decorator": (HEAD.replace("@HEADS.register\n", ""), r"my_head\.py:8: Mine is not registered: .*@HEADS\."
                                                             r"register \(of sgg\.methods\.head\)"),
    "nothing": ("x = 1\n", r"my_head\.py: registers no entry: .*@HEADS\.register"),
    "only imports": ("from sgg.models.heads.imp import Imp\n", r"my_head\.py: registers no entry: "),
    "no name": (HEAD.replace('Literal["mine"]', "str"), r"my_head\.py:8: Mine must have a field `kind`"),
    "another role": (HEAD.replace("width: Annotated[int, trains()]", "hidden_dim: Annotated[int, trains(shared=True)]"),
                     r"my_head\.py:8: Mine\.hidden_dim must have the role that it has in the relation head '"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_describe_error_names_file_and_line_of_a_broken_plugin(write, fault: str) -> None:
    text, message = BROKEN[fault]
    write(text)
    modules = set(sys.modules)
    with pytest.raises(ConfigError, match=f"experiment.plugins: .*{message}") as raised:
        load_text(write, "experiment: {plugins: my_head.py}")
    assert len(raised.value.faults) == 1
    assert not {name for name in set(sys.modules) - modules if "my_head" in name}
    assert loaded_digests() == {}


def test_load_plugins_names_all_broken_plugins_at_once(write) -> None:
    write("x = (")
    with pytest.raises(ConfigError) as raised:
        load_text(write, "experiment: {plugins: [my_head.py, nowhere.py, no_such.module, 'a b']}")
    assert [fault.split(": ")[0] for fault in raised.value.faults] == ["experiment.plugins"] * 4
    assert "there is no such file" in raised.value.faults[1]
    assert "no module 'no_such'" in raised.value.faults[2]
    assert "must be a Python file such as my_head.py, or a module" in raised.value.faults[3]


def test_load_plugins_runs_a_plugin_again_only_after_a_change(write) -> None:
    path = write(HEAD)
    load_plugins([str(path)])
    first, before = HEADS["mine"], loaded_digests()
    load_plugins([str(path)])
    assert HEADS["mine"] is first
    write(HEAD.replace("= 7", "= 8"))
    load_plugins([str(path)])
    assert validate({"model": {"head": "mine"}}).model.head.width == 8
    assert loaded_digests() != before


def test_load_plugins_refuses_two_plugins_of_one_name(write) -> None:
    paths = [write(HEAD, f"{number}/my_head.py") for number in (1, 2)]
    with pytest.raises(PluginError, match=r"another plugin .* my_head\.py"):
        load_plugins(map(str, paths))


@pytest.mark.parametrize("name", ["my_head.py", "my_package.mine"])
def test_copied_to_keeps_name_and_digest(write, tmp_path, name: str) -> None:
    """A search keeps a copy in its folder, so that all its workers run the same code."""
    write(HEAD, name if name.endswith(".py") else "my_package/mine.py")
    write("not code", "my_package/__pycache__/x.pyc")
    plugin = find_plugin(name, [tmp_path])
    copy = plugin.copied_to(tmp_path / "run")
    assert copy == plugin.copied_to(tmp_path / "run")
    assert (copy.name, copy.digest) == (plugin.name, plugin.digest)
    load_plugins([copy.full_name])
    load_plugins([plugin.full_name])
    assert Path(sys.modules[HEADS["mine"].__module__].__file__).is_relative_to(tmp_path / "run")


@pytest.mark.parametrize("after", [False, True], ids=["before the file", "after the file"])
@pytest.mark.parametrize(("name", "number"), [("my_head.py", 1), ("my_package.mine", 1), ("my_package.mine", 2)])
def test_copied_to_while_another_process_copies_the_same(write, tmp_path, monkeypatch, name: str, number: int,
                                                         after: bool) -> None:
    """Two commands with one plugin copy it before either has the study's lock. The other one copies it whole at one
    moment of this one's, whose package has two files."""
    for place in ("my_head.py", "my_package/__init__.py", "my_package/mine.py"):
        write(HEAD, place)
    plugin, folder, copyfile, seen, others = find_plugin(name, [tmp_path]), tmp_path / "run", shutil.copyfile, [], []

    def watched(*paths):
        seen.append(paths)
        now = len(seen) == number
        if now and not after:
            others.append(plugin.copied_to(folder))
        copyfile(*paths)
        if now and after:
            others.append(plugin.copied_to(folder))

    monkeypatch.setattr(shutil, "copyfile", watched)
    copy = plugin.copied_to(folder)
    assert (copy.digest, others) == (plugin.digest, [copy])
    assert [path.name for path in folder.iterdir()] == [plugin.digest[:16]]


def test_copied_to_of_two_files_with_one_text(write, tmp_path) -> None:
    plugins = [find_plugin(str(write(HEAD, name)), [tmp_path]) for name in ("my_head.py", "other/same.py")]
    assert [plugin.copied_to(tmp_path / "run").source.name for plugin in plugins] == ["my_head.py", "same.py"]


def test_fault_of_plugins(write) -> None:
    then = {"my_head.py": "0" * 64}
    assert "needs the plugin my_head.py (sha256 000000000000), which is not loaded: add --plugin my_head.py" in \
        fault_of_plugins(then, False, "add --plugin {}")
    load_plugins([str(write(HEAD))])
    assert "another version of the plugin my_head.py" in fault_of_plugins(then, False, "")
    assert fault_of_plugins(then, True, "") is None
    assert fault_of_plugins(loaded_digests(), False, "") is None
    unload_plugins(["my_head.py"])
    load_plugins([str(write(HEAD)), str(write(HEAD.replace('"mine"', '"other"'), "b.py"))])
    then |= {"b.py": "1" * 64, "c.py": "2" * 64, "d.py": "3" * 64}
    faults = fault_of_plugins(then, False, "add --plugin {}").split("\n  ")
    assert [fault.split(" (sha256")[0] for fault in faults] == [
        "it needs the plugin c.py", "it needs the plugin d.py", "it was made with another version of the plugin "
        "my_head.py", "it was made with another version of the plugin b.py"]
    assert fault_of_plugins(then, True, "").split("\n  ") == [
        f"it needs the plugin {name}.py (sha256 {digit * 12}), which is not loaded: " for name, digit in ("c2", "d3")]


def test_place_in_plugins_names_the_last_call_of_a_plugin(write) -> None:
    path = write(HEAD.replace("raise NotImplementedError", "return words.get(sizes)"))
    load_plugins([str(path)])
    for words, place in (({}, f"{path}:18"), (None, f"{path}:18")):
        with pytest.raises((TypeError, AttributeError)) as raised:
            HEADS["mine"]().build([], words)
        assert place_in_plugins(raised.value) == place
        assert reason_of(raised.value) == f"{path}:18: {type(raised.value).__name__}: {raised.value}"
    with pytest.raises(TypeError) as ours:
        load_plugins(3)
    assert place_in_plugins(ours.value) is None
    assert reason_of(ours.value) == "TypeError: 'int' object is not iterable"


@pytest.mark.parametrize(("code", "words"), [
    ("assert not words", "AssertionError"), ("raise SystemExit(3)", "SystemExit: 3"),
    ("raise ValueError('a\\nb')", "ValueError: a b")])
def test_naming_faults_and_naming_places(write, code: str, words: str) -> None:
    path = write(HEAD.replace("raise NotImplementedError", code))
    load_plugins([str(path)])
    with pytest.raises(PluginError) as raised, naming_faults("model.head", HEADS["mine"]):
        HEADS["mine"]().build(None, [1])
    assert str(raised.value) == f"model.head: {path}:18: {words}"
    with pytest.raises(PluginError) as raised, naming_places():
        HEADS["mine"]().build(None, [1])
    assert str(raised.value) == f"{path}:18: {words}"
    for context in (naming_places(), naming_faults("model.head", HEADS["imp"])):
        with pytest.raises(KeyError, match="ours"), context:
            raise KeyError("ours")


def test_run_command_describes_any_error_of_a_plugin(write, capsys) -> None:
    path = write(HEAD.replace("raise NotImplementedError", "return {}[words]"))
    load_plugins([str(path)])
    assert run_command(lambda: HEADS["mine"]().build(None)) == MISTAKE
    assert capsys.readouterr().err == f"error: {path}:18: KeyError: None\n"
    with pytest.raises(KeyError, match="ours"):
        run_command(lambda: {}["ours"])


def test_load_plugins_of_a_loss_with_a_validator(write) -> None:
    write('''
from typing import Annotated, Literal
from pydantic import model_validator
from sgg.settings.marks import ComputedDefault, data_defaults
from sgg.settings.roles import trains
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLoss

def twice(get):
    """Twice the width."""
    return 2 * get("loss.width")

@EDGE_LOSSES.register
class Mine(EdgeLoss):
    kind: Annotated[Literal["mine"], trains()] = "mine"
    """Mine."""
    width: Annotated[int, trains(), data_defaults(toy=3)] = 7
    """Of something."""
    double: Annotated[int, trains(), ComputedDefault(twice)] = 14
    """Of it."""

    @model_validator(mode="after")
    def _even(self):
        if self.double % 2:
            raise ValueError("double must be even")
        return self

    def build(self, statistics):
        raise NotImplementedError
'''.replace('trains()] = "mine"', 'trains(mid_training=True)] = "mine"'), "my_loss.py")
    study = load_text(write, "experiment: {plugins: my_loss.py}\ndata: {name: toy}\nloss: mine")
    assert (study.base.loss.width, study.base.loss.double) == (3, 6)
    with pytest.raises(ConfigError, match="loss: double must be even"):
        validate({"loss": {"kind": "mine", "double": 3}})
    assert "mine" in EDGE_LOSSES.entries
    unload_plugins(["my_loss.py"])
    assert "mine" not in EDGE_LOSSES.entries
