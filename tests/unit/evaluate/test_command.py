"""The command `python -m sgg.evaluate` on saved predictions; with a model it is tested in tests/integration."""

import json
import re
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sgg.config.schema import Evaluation
from sgg.data import open_dataset
from sgg.evaluate.__main__ import build_parser, main
from sgg.evaluate.formats import writer_of
from sgg.methods.variants import variants_of
from sgg.metrics import Conventions
from sgg.systems.contract import UNADJUSTED, DivergedError, Predicted
from tests.oracles.evaluator import plain_metrics
from tests.oracles.scenes import PREDICATE_COUNTS, PREDICATES, SUBSET, TRAIN, scenes

IMAGES = scenes("sgcls", 70)


def test_main_recomputes_all_metrics(predictions_file, tmp_path, capsys):
    found = tmp_path / "figures.json"
    assert main(["--predictions", str(predictions_file), "--mode", "sgcls", "--pred-weights", "0,0.5", "--ks", "2,100",
                 "--json", str(found)]) == 0
    written = json.loads(found.read_text())
    assert (written["part"], written["epoch"], written["data"]["name"]) == ("val", 3, "toy")
    want = plain_metrics(IMAGES, "sgcls", PREDICATES, TRAIN, SUBSET, (2, 100), {0.5: PREDICATE_COUNTS**0.5})
    want = {f"val/sgcls/{name}": value for name, value in want.items() if "/predicate" not in name}
    assert written["figures"] == pytest.approx(want, rel=1e-6)
    printed = capsys.readouterr().out
    assert "four classes" in printed
    assert f"{100 * want['val/sgcls/zs/ngR@100/x0.5']:.2f}" in printed


def test_main_measures_the_triplets_of_a_list(predictions_file, tmp_path, capsys):
    """By names and by numbers it is the same list. The table has its counts and its hash, and so has the file."""
    listed = [(1, 1, 1), (1, 3, 1), (2, 1, 3), (3, 2, 1)]
    want = plain_metrics(IMAGES, "sgcls", PREDICATES, TRAIN, SUBSET, (2, 100), zero_shot_list=listed)
    found, written = tmp_path / "figures.json", []
    for names in ("0123", "_abc"):
        path = tmp_path / "list.csv"
        path.write_text("\n".join(["subject,predicate,object", *(",".join(names[n] for n in one) for one in listed)]))
        assert main(["--predictions", str(predictions_file), "--mode", "sgcls", "--ks", "2,100", "--json", str(found),
                     "--zero-shot-list", str(path)]) == 0
        written.append(json.loads(found.read_text()))
        printed = capsys.readouterr().out
        assert f"zs-list: 4 triplets, 1 of them in train [{written[-1]['data']['zero_shot_list']['hash']}]" in printed
        row, = (line.split() for line in printed.splitlines() if " zs-list " in line)
        assert row[2:5] == [str(want[f"zs-list/num_{what}"]) for what in ("images", "relations", "triplets")]
        assert f"{100 * want['zs-list/ngR@100']:.2f}" in row
    assert written[0] == written[1]
    assert written[0]["data"]["zero_shot_list"].items() >= {"triplets": 4, "in_training": 1}.items()
    for name in ("zs-list/ngR@100", "zs-list/R-relative", "zs-train/mR@2", "zs/num_triplets"):
        assert written[0]["figures"][f"val/sgcls/{name}"] == pytest.approx(want[name])
    assert main(["--predictions", str(predictions_file), "--mode", "sgcls", "--json", str(found)]) == 0
    assert "zs-list" not in found.read_text() + capsys.readouterr().out


def test_main_names_a_list_that_is_missing(predictions_file, tmp_path, capsys):
    assert main(["--predictions", str(predictions_file), "--zero-shot-list", str(tmp_path / "no.csv")]) == 2
    assert "no.csv: no such list of triplets" in capsys.readouterr().err


def test_main_measures_all_saved_modes_by_default(predictions_file, tmp_path):
    assert main(["--predictions", str(predictions_file), "--json", str(tmp_path / "figures.json")]) == 0
    named = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert {name.split("/")[1] for name in named} == {"predcls", "sgcls"}
    assert "val/predcls/all/ngR@300" in named


def test_main_writes_the_conventions_with_the_metrics(predictions_file, tmp_path):
    for words, conventions in (([], Conventions()), (["--clean"], Conventions.clean())):
        assert main(["--predictions", str(predictions_file), "--json", str(tmp_path / "figures.json"), *words]) == 0
        assert json.loads((tmp_path / "figures.json").read_text())["conventions"] == asdict(conventions)


def test_main_measures_saved_predictions_with_relation_nms(predictions_file, tmp_path, capsys):
    for words, on in (([], False), (["--relation-nms"], True), (["--clean", "--relation-nms"], True)):
        assert main(["--predictions", str(predictions_file), "--json", str(tmp_path / "figures.json"), *words]) == 0
        written = json.loads((tmp_path / "figures.json").read_text())
        assert written["conventions"]["relation_nms"] is on
        assert "relation_nms" not in written["data"], "the conventions say it"
        assert ("after relation NMS" in " ".join(capsys.readouterr().out.split())) is on


@pytest.mark.parametrize(("text", "values"), [("tcar=0,1", [0.0, 1.0]), ("effect=none, tde", ["none", "tde"])])
def test_parser_reads_adjustments_of_numbers_and_words(text, values):
    options = build_parser().parse_args(["runs/a", "--adjust", text])
    assert options.adjust == [(text.partition("=")[0], values)]


class FakeExperiment:
    """The parts of a restored checkpoint's experiment that the command uses."""

    def __init__(self, changes):
        evaluation = {"modes": ["sgcls"], "ks": [2, 100], "pred_weight": [0.0], "batch_size": 30}
        self.config = SimpleNamespace(evaluation=Evaluation(**evaluation | changes["evaluation"]), seed=0)
        self.adjusters, self.variants = UNADJUSTED, variants_of(changes["evaluation"])
        self.zero_shot_list = None
        self.pair_counts = (np.ones((4, 4, PREDICATES)), np.zeros((4, 4)))
        self.changes = changes
        triplets = {"train": TRAIN, "test": SUBSET}
        self.data = SimpleNamespace(classes=list("_abc"), predicates=list("_xyz"), triplets=self.table(triplets),
                                    seen=self.table(triplets))

    def table(self, triplets):
        return lambda name: SimpleNamespace(as_dict=lambda: triplets[name])

    def split(self, name):
        return IMAGES

    def evaluation_batches(self, part, corruption=None):
        assert corruption is None
        for start in range(0, len(IMAGES), 30):
            yield FakeBatch(list(range(start, min(start + 30, len(IMAGES)))))


class FakePredictor:
    def __init__(self):
        self.is_evaluating = False

    @contextmanager
    def evaluating(self):
        self.is_evaluating = True
        yield
        self.is_evaluating = False

    def predict(self, batch, modes, adjusters):
        assert self.is_evaluating
        return Predicted({mode: [IMAGES[number][1] for number in batch] for mode in modes},
                         {"fallbacks": 3} if "sgdet" in modes else {})


class FakeBatch(list):
    image_ids = property(lambda self: [str(number) for number in self])

    def graphs(self):
        return [IMAGES[number][0] for number in self]


@pytest.fixture
def restored(monkeypatch):
    """Restoring and predicting are replaced by the scenes of this file."""
    seen = {}

    def restore(path, changes, allow_changed_plugin):
        seen["experiment"] = FakeExperiment(changes)
        foundation = SimpleNamespace(experiment=seen["experiment"],
                                     evaluation_batches=seen["experiment"].evaluation_batches,
                                     provenance={"name": "toy", "description": "four classes"})
        return SimpleNamespace(foundation=foundation, predictor=FakePredictor(),
                               checkpoint=SimpleNamespace(path=path, epoch=3, meta={}))

    monkeypatch.setattr("sgg.evaluate.restore.restore", restore)
    return seen


def test_main_evaluates_a_checkpoint_and_saves_its_predictions(restored, tmp_path):
    first, again, saved = tmp_path / "first.json", tmp_path / "again.json", tmp_path / "predictions.npz"
    assert main(["runs/a", "--root", "elsewhere", "--mode", "sgcls,predcls", "--pred-weights", "0,0.5", "--images", "9",
                 "--json", str(first), "--save-predictions", str(saved)]) == 0
    assert restored["experiment"].changes == {
        "data": {"root": "elsewhere", "eval_images": 9}, "training": {},
        "evaluation": {"modes": ["sgcls", "predcls"], "pred_weight": [0.0, 0.5]}}
    written = json.loads(first.read_text())
    counts = np.full(PREDICATES, 2.0)  # one relation everywhere, smoothed by one; no background pair, smoothed twice
    for mode in ("sgcls", "predcls"):
        want = plain_metrics(IMAGES, mode, PREDICATES, TRAIN, SUBSET, (2, 100), {0.5: counts**0.5})
        for name in ("zs/ngR@2", "all/mR@100/x0.5", "10s/num_relations"):
            assert written["figures"][f"test/{mode}/{name}"] == pytest.approx(want[name])
    assert main(["--predictions", str(saved), "--pred-weights", "0,0.5", "--ks", "2,100", "--json", str(again)]) == 0
    assert json.loads(again.read_text()) == written


def test_main_prints_fallbacks_and_failures_of_the_detector(restored, tmp_path, capsys):
    """Three fallbacks of each of three batches, and every image without a pair; also from the saved predictions. An
    older file does not hold the fallbacks."""
    first, again, saved = tmp_path / "first.json", tmp_path / "again.json", tmp_path / "predictions.npz"
    failures = sum(not len(prediction.pairs) for _, prediction in IMAGES)
    said = f"fallbacks: 9 images with a lowered score threshold failures: {failures} images in which no two boxes"
    assert main(["runs/a", "--mode", "sgdet", "--json", str(first), "--save-predictions", str(saved)]) == 0
    assert said in " ".join(capsys.readouterr().out.split())
    figures = json.loads(first.read_text())["figures"]
    assert (figures["test/sgdet/fallbacks"], figures["test/sgdet/failures"]) == (9, failures)
    want = plain_metrics(IMAGES, "sgdet", PREDICATES, TRAIN, SUBSET, (2, 100), failed={
        number for number, (_, prediction) in enumerate(IMAGES) if not len(prediction.pairs)})
    assert figures["test/sgdet/all/R@100"] == pytest.approx(want["all/R@100"])
    assert figures["test/sgdet/all/num_images"] == want["all/num_images"]
    assert main(["--predictions", str(saved), "--ks", "2,100", "--json", str(again)]) == 0
    assert said in " ".join(capsys.readouterr().out.split())
    assert json.loads(again.read_text()) == json.loads(first.read_text())
    older = {name: value for name, value in np.load(saved).items() if name != "fallbacks"}
    np.savez(saved, **older)
    assert main(["--predictions", str(saved), "--json", str(again)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"fallbacks: unknown, this file does not hold it failures: {failures} " in printed
    figures = json.loads(again.read_text())["figures"]
    assert "test/sgdet/fallbacks" not in figures
    assert figures["test/sgdet/failures"] == failures


def test_main_names_a_checkpoint_that_has_diverged(restored, monkeypatch, tmp_path, capsys):
    def predict(*_):
        raise DivergedError("the model has diverged: its scores of image 7 in sgcls are not finite")

    monkeypatch.setattr(FakePredictor, "predict", predict)
    saved = tmp_path / "predictions.npz"
    assert main(["runs/a", "--save-predictions", str(saved)]) == 2
    said = capsys.readouterr().err
    for part in ("runs/a, after epoch 3: the model has diverged", "image 7", "an earlier checkpoint",
                 "training.learning_rate"):
        assert part in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("words", "message"), [
    (["--images", "-5"], "argument --images: must be a whole number >= 1, got -5"),
    (["--pred-weights", "0,0.0"], "argument --pred-weights: lists a value twice: 0,0.0"),
    (["--mode", "sgcls,sgcls"], "argument --mode: lists a value twice"),
    (["--ks", "2,2"], "argument --ks: lists a value twice"),
])
def test_numbers_and_lists_are_checked_before_work(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["runs/a", *words])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("words", "message"), [
    (["--mode", "sgdet"], "mode must be one of predcls, sgcls here, got sgdet"),
    (["--ks", "0"], "ks must be integers >= 1, got [0]"),
])
def test_main_answers_mistakes_in_one_line(predictions_file, words, message, capsys):
    assert main(["--predictions", str(predictions_file), *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--plugin", "my_head.py"], ["--allow-changed-plugin"]])
def test_main_refuses_a_plugin_for_saved_predictions(predictions_file, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--predictions", str(predictions_file), *words])
    said = capsys.readouterr().err
    assert words[0] in said
    assert "no effect with --predictions" in said


def test_main_names_a_missing_file_in_one_line(tmp_path, capsys):
    assert main(["--predictions", str(tmp_path / "none.npz")]) == 2
    assert "none.npz: no such predictions file" in capsys.readouterr().err


def test_main_wants_either_a_checkpoint_or_predictions(predictions_file, capsys):
    saved = ["--predictions", str(predictions_file)]
    for words in ([], ["runs/a", *saved], [*saved, "--pred-weights", "half"]):
        with pytest.raises(SystemExit, match="2"):
            main(words)
    assert "half" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "named"), [
    (["--root", "elsewhere"], "--root:"), (["--split", "test"], "--split:"), (["--images", "3"], "--images:"),
    (["--device", "cpu", "--save-predictions", "again.npz"], "--device, --save-predictions:"),
])
def test_options_without_effect_are_refused_by_name(predictions_file, words, named, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--predictions", str(predictions_file), *words])
    assert f"leave out {named} no effect with --predictions" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--json", "--save-predictions"])
@pytest.mark.parametrize(("place", "message"), [("", "is a folder: name a file in it"), ("no/f", "there is no folder")])
def test_places_that_cannot_be_written_are_refused_before_work(restored, tmp_path, option, place, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["runs/a", option, str(tmp_path / place)])
    assert f"argument {option}: " in (said := capsys.readouterr().err)
    assert message in said
    assert not restored, "no model was looked for"


def test_main_prints_the_recall_of_each_predicate(predictions_file, tmp_path, capsys):
    written = tmp_path / "figures.json"
    assert main(["--predictions", str(predictions_file), "--mode", "sgcls", "--pred-weights", "0,0.5",
                 "--per-predicate", "--json", str(written)]) == 0
    want = plain_metrics(IMAGES, "sgcls", PREDICATES, TRAIN, SUBSET, weights={0.5: PREDICATE_COUNTS**0.5})
    lines = capsys.readouterr().out.splitlines()
    for number, (name, group) in enumerate((("a", "head"), ("b", "body"), ("c", "tail")), start=1):
        (line,) = [line for line in lines if line.split()[:2] == [name, group]]
        values = [f"{100 * want[f'all/{kind}@100/predicate{number}{suffix}']:.2f}"
                  for suffix in ("", "/x0.5") for kind in ("R", "ngR")]
        assert line.split()[4:] == values
        (mean,) = [line for line in lines if line.split()[:4] == ["mean", "of", "1", group]]
        assert mean.split()[6:] == values
    found = json.loads(written.read_text())["per_predicate"]
    assert found["recall"]["sgcls"]["ngR@50"] == pytest.approx(
        [want[f"all/ngR@50/predicate{number}"] for number in (1, 2, 3)], abs=1e-5)


def test_main_prints_predicates_under_many_adjustments_in_whole_numbers(predictions_file, capsys):
    """Eleven weights: in one table of 100 columns they would be cut to dots."""
    assert main(["--predictions", str(predictions_file), "--mode", "sgcls", "--per-predicate", "--pred-weights",
                 "0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1"]) == 0
    said = capsys.readouterr().out
    said = said[said.index("per predicate"):]
    assert "\u2026" not in said
    assert len(re.findall(r"^ *b +body .*\d *$", said, re.MULTILINE)) == 6


EXAMPLE = Path(__file__).parents[2] / "example"


@pytest.fixture
def found_all(tmp_path):
    """The annotation of test of the example, as if another toolkit had predicted it."""
    data = open_dataset("custom", EXAMPLE)
    writer, split = writer_of("coco-relations", tuple(data.classes), tuple(data.predicates)), data.split("test")
    for image in range(len(split)):
        graph = split.graph(image)
        writer.add(f"{split.image_id(image)}.jpg", split.size(image), graph, np.ones(len(graph)),
                   np.linspace(1, 0.5, len(graph.relations)))
    writer.write(tmp_path / "predictions.json")
    return tmp_path / "predictions.json"


def test_main_scores_predictions_of_another_toolkit(found_all, tmp_path, capsys):
    """All relations are found; with one predicate for each pair not those of pairs with two."""
    words = ["--predictions", str(found_all), "--format", "coco-relations", "--data", "custom", "--root", str(EXAMPLE)]
    assert main([*words, "--json", str(tmp_path / "figures.json"), "--per-predicate"]) == 0
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["figures"]["test/sgdet/all/ngR@100"] == 1 > written["figures"]["test/sgdet/all/R@100"] > 0.5
    assert written["figures"]["test/sgdet/zs/ngR@100"] == 1
    assert (written["predictions"], written["format"]) == (str(found_all), "coco-relations")
    assert written["data"]["hash"] == open_dataset("custom", EXAMPLE).hash
    assert not written["conventions"]["zero_scores_count"]
    said = capsys.readouterr().out
    assert "fallbacks" not in said
    assert "have no prediction" not in said
    assert main([*words, "--mode", "predcls", "--json", str(tmp_path / "figures.json"), "--split", "test"]) == 0
    assert json.loads((tmp_path / "figures.json").read_text())["figures"]["test/predcls/all/ngR@100"] == 1
    assert main([*words, "--split", "val"]) == 2
    assert "has none of the 2 images of val of nine pictures of the toy genome, such as" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "message"), [
    (["runs/a", "--format", "ktb"], "--format says what the file of --predictions is: name that file"),
    (["runs/a", "--data", "vg"], "leave out --data: only with --format"),
    (["runs/a", "--set", "data.version=3"], "leave out --set: only with --format"),
    (["--predictions", "p", "--num-val-images", "3"], "leave out --num-val-images: no effect with --predictions"),
    (["--predictions", "p", "--format", "ktb", "--device", "cpu"], "leave out --device: no effect with --format"),
    (["--predictions", "p", "--format", "pkl"], "invalid choice: 'pkl'")])
def test_main_refuses_options_without_effect(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert message in capsys.readouterr().err


def test_main_names_the_file_of_a_box_that_is_not_finite(found_all, capsys):
    """The metrics find it, and know the image only."""
    content = json.loads(found_all.read_text())
    content["annotations"][0]["bbox"][2] = 1e39
    found_all.write_text(json.dumps(content))
    assert main(["--predictions", str(found_all), "--format", "coco-relations", "--data", "custom", "--root",
                 str(EXAMPLE)]) == 2
    assert re.search(rf"error: {found_all}: prediction.boxes of image \d+ must be finite", capsys.readouterr().err)


def test_main_names_an_unknown_data_set(found_all, capsys):
    assert main(["--predictions", str(found_all), "--format", "ktb", "--data", "csv"]) == 2
    assert "data.name must be one of auto, vg, " in capsys.readouterr().err


def test_main_takes_one_mode_of_another_toolkit(found_all, capsys):
    assert main(["--predictions", str(found_all), "--format", "ktb", "--mode", "sgdet,predcls"]) == 2
    assert "--mode must be one value with --format, got sgdet, predcls" in capsys.readouterr().err
