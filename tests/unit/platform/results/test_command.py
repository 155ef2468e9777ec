from platform.results import __main__ as results
from platform.results.formats import FORMATS, OF_DIFFERENCES
from platform.study.trial_record import FAILED, FINISHED

import pytest


@pytest.mark.parametrize("form", FORMATS)
def test_main_names_a_metric_that_was_not_measured(search, capsys, form):
    path = str(search("a", [("dnorm", 0, FINISHED, 0.4)]))
    assert results.main([path, "--metric", "R@7", "--format", form]) == 2
    assert capsys.readouterr() == ("", "error: --metric: R@7 was not measured; measured: ngR@100\n")


@pytest.mark.parametrize("form", sorted({*FORMATS} - {*OF_DIFFERENCES}))
def test_main_prints_every_form_without_a_baseline(search, capsys, form):
    path = str(search("a", [("dnorm", 0, FINISHED, 0.4)]))
    assert results.main([path, "--metric", "ngR@100", "--format", form]) == 0
    assert "dnorm" in capsys.readouterr().out


def test_main_does_not_wrap_captions(search, capsys):
    assert results.main([str(search("a", [("dnorm", 0, FAILED, 0.4)]))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[1:])) < len(lines[0])
    assert lines[0].startswith("data: ")
    assert lines[1:3] == ["", "no metrics yet"]


def test_main_prints_and_writes_the_table(search, capsys, tmp_path):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    assert results.main([str(path), "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("loss.kind,seeds,n,status,data,")
    (tmp_path / "nothing").mkdir()
    assert results.main([str(tmp_path / "nothing")]) == 2
    assert "holds no trials" in capsys.readouterr().err


@pytest.mark.parametrize(("file", "content", "message"), [
    ("study.json", '{"settings": ', "study.json is not JSON, or is cut off"),
    ("study.json", '{"settings": {}, "data": {}}', "study.json: axes is missing"),
    ("study.json", '{"settings": {"los": 1}, "axes": {}, "data": {}}', "study.json: 1 fault"),
    ("trials/t0/trial.json", "[]", "trial.json must hold a mapping, but holds list"),
    ("trials/t0/trial.json", '{"values": {}}', "trial.json: status is missing, reason is missing"),
    ("trials/t0/config.json", '{"config": {}}', "config.json: data is missing"),
    ("trials/t0/config.json", "{", "config.json is not JSON"),
    ("trials/t0/test.json", '{"test/sgcls/zs/ngR@100": 0.', "test.json is not JSON"),
    ("trials/t0/test.json", '{"test/sgcls/zs/ngR@100": "much"}', "test.json: test/sgcls/zs/ngR@100 must be a number"),
    ("trials/t0/metrics.jsonl", '{"loss": 1}', "metrics.jsonl, line 1: epoch is missing"),
])
def test_main_names_a_damaged_file(search, capsys, file, content, message):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    (path / file).write_text(content)
    assert results.main([str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {path / file}")
    assert message in said
