import json
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from platform import tune
from platform.results.collection import collect
from platform.study.directory import StudyDirectory
from platform.study.study_file import STUDY
from platform.study.trial_record import FAILED, FINISHED, STOPPED, TrialRecord

import pytest

from sgg.config import ConfigError, load
from sgg.methods.plugins import loaded_digests, unload_plugins
from tests.plugins import no_plugin_stays

FACTS = {"data": {"description": "toy", "hash": "1"}}


def study(tmp_path, *overrides):
    path = tmp_path / "search.yaml"
    path.write_text("experiment: {name: a}\nloss: {scale: {search: grid, of: [1, 2]}}\n")
    return load(path, [f"experiment.output={tmp_path}", *overrides])


def refused(directory, settings, resume):
    with pytest.raises(ConfigError) as error:
        directory.check(settings, resume)
    return str(error.value)


def test_check_of_a_name_in_use(tmp_path):
    first = study(tmp_path)
    directory = StudyDirectory.of(first)
    directory.check(first, resume=False)
    directory.begin(first, FACTS)
    assert "with these settings: --resume" in refused(directory, first, resume=False)
    assert "with other settings" in refused(directory, study(tmp_path, "loss.kind=baseline"), resume=False)


def test_check_names_the_settings_that_changed(tmp_path):
    first = study(tmp_path)
    directory = StudyDirectory.of(first)
    directory.begin(first, FACTS)
    directory.check(first, resume=True)
    directory.check(study(tmp_path, "tracking.tensorboard=true", "search.max_failures=1"), resume=True)
    changed = study(tmp_path, "training.momentum=0.5", "loss.scale={search: grid, of: [1, 3]}")
    message = refused(directory, changed, resume=True)
    assert "training.momentum was 0.9, is 0.5" in message
    assert "loss.scale was {'search': 'grid', 'of': [1, 2]}, is {'search': 'grid', 'of': [1, 3]}" in message


@pytest.mark.parametrize("change", ["data.workers=2", "training.keep_checkpoints=5", "training.device=cpu",
                                    "data.root=elsewhere", "resources.cpus=2", "search.time_budget_s=60"])
def test_check_allows_changes_of_where_and_how_it_runs(tmp_path, change):
    first = study(tmp_path)
    directory = StudyDirectory.of(first)
    directory.begin(first, FACTS)
    directory.check(study(tmp_path, change), resume=True)


@pytest.mark.parametrize(("change", "was"), [("training.epochs=9", 3), ("data.eval_images=3", None)])
def test_check_refuses_changes_that_make_trials_incomparable(tmp_path, change, was):
    """Though a single trial may resume with it."""
    first = study(tmp_path)
    directory = StudyDirectory.of(first)
    directory.begin(first, FACTS)
    assert f"{change.split('=')[0]} was {was}" in refused(directory, study(tmp_path, change), resume=True)


def test_study_of_an_earlier_version_with_a_setting_that_acts_in_no_trial(tmp_path):
    """It is read without that setting, and resumes without it, which this version refuses."""
    words = ("augmentation={kind: gan, perturb: {topk: 3, method: {search: grid, of: [rand, neigh]}}}",)
    now = study(tmp_path, *words)
    directory = StudyDirectory.of(now)
    directory.begin(now, FACTS)
    written = json.loads((directory.path / "study.json").read_text())
    for settings in (written["given"], written["settings"]):
        settings["augmentation"]["perturb"]["alpha"] = 5
    (directory.path / "study.json").write_text(json.dumps(written))
    again, _ = directory.study()
    assert again == replace(now, source=again.source)
    neigh = again.trial({"augmentation.perturb.method": "neigh"}).augmentation.perturb
    assert (neigh.alpha, neigh.topk) == (2, 3)
    directory.check(now, resume=True)
    with pytest.raises(ConfigError, match=r"alpha 5\.0 \(on the command line\) has no effect"):
        study(tmp_path, *words, "augmentation.perturb.alpha=5")


def test_check_of_a_study_of_the_first_edition(tmp_path):
    """It does not know some settings, and has one at what was its default."""
    first = study(tmp_path)
    directory = StudyDirectory.of(first)
    directory.begin(first, FACTS)
    written = json.loads((directory.path / STUDY).read_text())
    settings = written["settings"]
    del settings["training"]["drop_last"], settings["augmentation"], settings["embeddings"]["dim"]
    settings["gan"] = {"enabled": False, "embedding_dim": 200, "perturb": {"method": "off", "topk": 5}}
    settings["model"] |= {"head": "imp", "hidden_dim": settings["model"]["head"]["hidden_dim"], "iterations": 3}
    written["settings"]["model"]["edge_boxes"] = "motifs"
    (directory.path / STUDY).write_text(json.dumps(written))
    directory.check(first, resume=True)
    directory.check(study(tmp_path, "training.drop_last=false", "model.edge_boxes=motifs"), resume=True)
    assert "training.drop_last was False, is True" in refused(directory, study(tmp_path, "training.drop_last=true"),
                                                              resume=True)


def test_check_with_nothing_to_resume(tmp_path):
    assert "nothing to resume here" in refused(StudyDirectory.of(study(tmp_path)), study(tmp_path), resume=True)


def test_require_data(tmp_path):
    first = study(tmp_path)
    StudyDirectory.of(first).begin(first, FACTS)
    with pytest.raises(ConfigError, match=r"was begun on 'toy' \[1\], now it is 'toy' \[2\]"):
        StudyDirectory.of(first).begin(first, {"data": {"description": "toy", "hash": "2"}})
    with pytest.raises(ConfigError, match=r"was begun on 'toy' \[1\], now it is 'toy' \[2\], 'toy' \[3\]"):
        StudyDirectory.of(first).begun_data(first).require({"2": "toy", "3": "toy"})
    StudyDirectory.of(first).begun_data(first).require({"2": "toy", "1": "toy"})


def test_require_data_of_another_detector(tmp_path):
    first = study(tmp_path)
    directory = StudyDirectory.of(first)
    directory.begin(first, {"data": {**FACTS["data"], "detector": "d1"}})
    directory.begun_data(first).require({FACTS["data"]["hash"]: "toy"})
    with pytest.raises(ConfigError, match="was begun with the detector d1, now it is d2: put it back"):
        directory.begin(first, {"data": {**FACTS["data"], "detector": "d2"}})


def test_begin_compares_every_data_set_of_a_study(tmp_path):
    """Images and detectors of each, whichever comes first now."""
    first = study(tmp_path)
    directory = StudyDirectory.of(first)
    genomes = [{"description": "toy", "hash": digest, "detector": f"d{digest}", "pictures": {"train": f"p{digest}"}}
               for digest in "12"]
    directory.begin(first, {"data": genomes[0], "more_data": genomes[1:]})
    directory.begin(first, {"data": genomes[1], "more_data": genomes[:1]})
    for change, fault in (({"hash": "3"}, r"was begun on 'toy' \[2\], now it is 'toy' \[1\], 'toy' \[3\]"),
                          ({"detector": "d3"}, "was begun with the detector d2, now it is d3"),
                          ({"pictures": {"train": "p3"}}, "was begun with other images of train")):
        with pytest.raises(ConfigError, match=fault):
            directory.begin(first, {"data": genomes[0], "more_data": [genomes[1] | change]})


def test_begin_with_other_mirrored_predicates(tmp_path):
    first = study(tmp_path)
    directory = StudyDirectory.of(first)
    directory.begin(first, FACTS)  # of a version that did not record them
    directory.begin(first, {"data": {**FACTS["data"], "mirrored": {"left": "right", "right": "left"}}})
    with pytest.raises(ConfigError, match=r"data: .* 'left' became 'right', here it becomes nothing: put back"):
        directory.begin(first, {"data": {**FACTS["data"], "mirrored": {"left": None, "right": None}}})


@pytest.mark.parametrize(("place", "why"), [("{}/file", "Not a directory"), ("/proc", "No such file or directory")])
def test_check_of_an_unwritable_folder(tmp_path, place, why):
    """Nobody can make a file in /proc, whatever its permissions say."""
    (tmp_path / "file").write_text("")
    place = place.format(tmp_path)
    settings = study(tmp_path, f"experiment.output={place}")
    assert f"experiment.output: {place} cannot be written to: {why}; choose another experiment.output" in refused(
        StudyDirectory.of(settings), settings, resume=False)
    assert not (tmp_path / "file" / "a").exists()


def test_study_reads_what_begin_wrote(tmp_path):
    first = study(tmp_path)
    StudyDirectory.of(first).begin(first, FACTS)
    again, facts = StudyDirectory.of(first).study()
    assert again.base == first.base
    assert again.axes == first.axes
    assert facts["data"] == FACTS["data"]


def test_records(tmp_path):
    directory = StudyDirectory(tmp_path)
    TrialRecord(directory.trial("b"), {"loss.scale": 1}, FAILED, "out of memory").write()
    (directory.trial("a")).mkdir()
    (directory.trial("c")).mkdir()
    (directory.trial("c") / "test.json").write_text('{"test/sgcls/zs/ngR@100": 0.5}')
    assert [(record.name, record.status, record.reason) for record in directory.records()] == [
        ("a", STOPPED, ""), ("b", FAILED, "out of memory"), ("c", FINISHED, "")]
    assert directory.records()[1].values == {"loss.scale": 1}


def test_evidence(tmp_path):
    record = TrialRecord(tmp_path, {}, FAILED)
    assert record.evidence == tmp_path
    (tmp_path / "log.txt").touch()
    assert record.evidence == tmp_path / "log.txt"
    (tmp_path / "error.txt").touch()
    assert record.evidence == tmp_path / "error.txt"


@pytest.mark.parametrize(("content", "message"), [
    ('{"settings": {', "study.json is not JSON, or is cut off"), ("[]", "study.json must hold a mapping"),
    ('{"settings": {}, "axes": []}', "study.json: axes must be of type dict, got [], data is missing"),
])
def test_check_names_a_damaged_study_on_resuming(tmp_path, content, message, capsys):
    study(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "study.json").write_text(content)
    assert tune.main([str(tmp_path / "search.yaml"), f"experiment.output={tmp_path}", "--resume"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}")
    assert message in said


def test_begin_of_a_study_on_unknown_data(tmp_path):
    first = study(tmp_path)
    directory = StudyDirectory.of(first)
    directory.begin(first, FACTS)
    found = json.loads((directory.path / "study.json").read_text())
    (directory.path / "study.json").write_text(json.dumps(found | {"data": {}}))
    with pytest.raises(ConfigError, match=r"was begun on None \[None\], now it is 'toy' \[1\]"):
        directory.begin(first, FACTS)


def test_held(tmp_path):
    """A resubmitted batch job may start before the first one has ended. A lock is free once its process is gone."""
    first = study(tmp_path)
    directory = StudyDirectory.of(first)
    holder = f"""
import sys
from dataclasses import replace
from platform.study.directory import StudyDirectory
from sgg.config import load
study = load({str(tmp_path / "search.yaml")!r}, [{f"experiment.output={tmp_path}"!r}, "experiment.name=a"])
with StudyDirectory.of(study).held(study, resume=False):
    StudyDirectory.of(study).begin(study, {FACTS!r})
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          cwd=Path(__file__).parents[4]) as process:
        assert process.stdout.readline() == "held\n"
        message = refused(directory, first, resume=True)
        process.kill()
    assert f"a is being run by process {process.pid} on {socket.gethostname()}; wait until that has ended" in message
    directory.check(first, resume=True)
    with directory.held(first, resume=True), pytest.raises(ConfigError, match="is being run by"):
        directory.check(first, resume=True)


PLUGIN = """
from typing import Annotated, Literal
from sgg.settings.roles import trains
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLoss

@EDGE_LOSSES.register
class Mine(EdgeLoss):
    kind: Annotated[Literal["mine"], trains(mid_training=True)] = "mine"
    scale: Annotated[float, trains(mid_training=True)] = 3

    def build(self, statistics):
        raise NotImplementedError
"""


@pytest.fixture
def plugin(tmp_path):
    (tmp_path / "my_loss.py").write_text(PLUGIN)
    with no_plugin_stays():
        yield tmp_path / "my_loss.py"


def begun_with(plugin):
    """A study with a plugin, begun; and its folder."""
    first = study(plugin.parent, "experiment.plugins=my_loss.py", "loss.kind=mine")
    directory = StudyDirectory.of(first)
    copied = directory.with_plugins(first)
    directory.begin(copied, FACTS | {"plugins": loaded_digests()})
    return copied, directory


def test_with_plugins(plugin):
    copied, directory = begun_with(plugin)
    (name,) = copied.base.experiment.plugins
    assert Path(name).is_relative_to(directory.path)
    plugin.unlink()
    unload_plugins(["my_loss.py"])  # as in the process of a trial
    again, _ = directory.study()
    assert again.trial({"loss.scale": 2}).loss.kind == "mine"
    assert again.base.experiment.plugins == [name]


def test_study_with_a_changed_copy_of_a_plugin(plugin):
    copied, directory = begun_with(plugin)
    Path(copied.base.experiment.plugins[0]).write_text(PLUGIN + "\n")
    with pytest.raises(ValueError, match=r"study\.json: it was made with another .*plugin my_loss\.py"):
        directory.study()


def test_check_with_a_changed_plugin(plugin):
    _, directory = begun_with(plugin)
    plugin.write_text(PLUGIN + "\n")
    words = ("experiment.plugins=my_loss.py", "loss.kind=mine")
    assert "--allow-changed-plugin" in refused(directory, study(plugin.parent, *words), resume=True)
    directory.check(study(plugin.parent, *words, "experiment.allow_changed_plugins=true"), resume=True)


def test_metadata_runs_no_plugin(plugin):
    _, directory = begun_with(plugin)
    unload_plugins(["my_loss.py"])
    TrialRecord(directory.trial("a"), {"loss.scale": 1}, FINISHED).write()
    assert [outcome.settings["loss.kind"] for outcome in collect([directory.path]).outcomes] == ["mine"]
    assert loaded_digests() == {}
