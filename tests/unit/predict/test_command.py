"""The command on folders of good and bad files."""

import json
import re
import shutil
import zlib
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from sgg.data import open_dataset
from sgg.evaluate.formats import format_of
from sgg.evaluate.truth_images import TruthImages
from sgg.predict import images
from sgg.predict.__main__ import main
from sgg.predict.documents import schema
from sgg.predict.predictor import Predictor

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images of many kinds, in two folders; files that are none."""
    folder = tmp_path / "images"
    (folder / "below").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    plain = Image.fromarray(pixels)
    plain.save(folder / "a.png")
    plain.convert("CMYK").save(folder / "below" / "cmyk.jpg")
    plain.convert("P").save(folder / "palette.png")
    plain.convert("RGBA").save(folder / "alpha.webp")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 256).save(folder / "deep.png")
    exif = plain.getexif()
    exif[0x0112] = 6
    plain.save(folder / "turned.jpg", exif=exif)
    plain.save(folder / "moving.gif", save_all=True, append_images=[plain.rotate(90)])
    (folder / "notes.txt").write_text("not an image")
    return folder


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_main_predicts_a_folder_and_goes_on_after_bad_files(trial, folder, tmp_path, capsys) -> None:
    content = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(content[:len(content) // 2])
    (folder / "none.jpg").write_text("no image")
    Image.fromarray(np.zeros((4, 4), np.float32)).save(folder / "float.tif")
    out = tmp_path / "out"
    assert run(trial, folder, "--out", out, "--device", "cpu", "--batch", 3, "--no-pictures") == 1
    said = capsys.readouterr()
    assert "7 of 10 images predicted" in said.out
    assert "their names do not end like those of images: 1\n" in said.out
    assert "3 could not be predicted:" in said.err
    for name in ("cut.png", "none.jpg", "float.tif"):
        assert sum(str(folder / name) in line for line in said.err.splitlines()) == 1, name
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert names == ["a.png.json", "alpha.webp.json", "below/cmyk.jpg.json", "deep.png.json", "moving.gif.json",
                     "palette.png.json", "turned.jpg.json"]
    documents = {name: json.loads((out / name).read_text()) for name in names}
    for name, document in documents.items():
        jsonschema.validate(document, schema())
        assert document["file"] == name.removesuffix(".json")
        assert (document["width"], document["height"]) == ((40, 60) if name == "turned.jpg.json" else (60, 40))
        scores = [triplet["score"] for triplet in document["triplets"]]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= triplet[role] < len(document["objects"]) for triplet in document["triplets"]
                   for role in ("subject", "object"))


@pytest.mark.parametrize("name", ["coco-relations", "sgbench"])
def test_main_writes_a_file_that_is_scored(trial, toy_root, tmp_path, name) -> None:
    """In one file, and no document. The same file is read by `sgg.evaluate`: all images of test have a prediction."""
    data = open_dataset("toy", toy_root)
    split = data.split("test").head(3)
    files = [split.image_path(image) for image in range(3)]
    assert run(trial, *files, "--out", tmp_path, "--device", "cpu", "--format", name, "--no-pictures", "--top", 50) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.json"]
    read = dict(format_of(name).read(tmp_path / "predictions.json", TruthImages(data, "test")))
    assert sorted(read) == [0, 1, 2]
    graphs = Predictor(trial, "cpu")(files, top=50)
    for row, graph in enumerate(graphs):
        np.testing.assert_allclose(read[row].boxes, graph.boxes, atol=0.011)
        assert read[row].labels.tolist() == graph.labels.tolist()
        best = np.column_stack([read[row].pairs, read[row].predicate_scores.argmax(1)])
        if name == "sgbench":
            assert best.tolist() == graph.relations.tolist()
        assert sorted(best.tolist()) == sorted(graph.relations.tolist())


def test_main_equals_calls_from_python(trial, folder, tmp_path) -> None:
    out = tmp_path / "out"
    assert run(trial, folder / "a.png", folder / "turned.jpg", "--out", out, "--device", "cpu", "--top", 4) == 0
    graphs = Predictor(trial, "cpu")([folder / "a.png", folder / "turned.jpg"], top=4)
    for name, graph in zip(("a.png", "turned.jpg"), graphs, strict=True):
        document = json.loads((out / f"{name}.json").read_text())
        np.testing.assert_allclose([one["box"] for one in document["objects"]], graph.boxes, atol=0.006)
        np.testing.assert_allclose([one["score"] for one in document["triplets"]], graph.scores, atol=1e-6)
        assert len(document["triplets"]) <= 4
        with Image.open(out / f"{name}.graph.png") as picture:
            assert picture.width >= 900


def test_main_relates_given_boxes(trial, folder, tmp_path) -> None:
    """With labels they are kept, with score 1; without, the model names the objects. Boxes are cut at the edges."""
    objects = [{"box": [0, 0, 30, 30]}, {"box": [10, 5, 80, 38.5]}]
    classes = Predictor(trial, "cpu").classes
    for mode in ("sgcls", "predcls"):
        if mode == "predcls":
            objects = [{**one, "label": classes[number]} for number, one in zip((2, 3), objects, strict=True)]
        (tmp_path / "boxes.json").write_text(json.dumps({"a.png": objects}))
        assert run(trial, folder / "a.png", "--boxes", tmp_path / "boxes.json", "--out", tmp_path / mode,
                   "--no-pictures") == 0
        document = json.loads((tmp_path / mode / "a.png.json").read_text())
        assert document["mode"] == mode
        assert [one["box"] for one in document["objects"]] == [[0, 0, 30, 30], [10, 5, 60, 38.5]]
        assert len(document["triplets"]) == 2
    assert [(one["label"], one["score"]) for one in document["objects"]] == [(classes[2], 1), (classes[3], 1)]


@pytest.mark.parametrize(("content", "said"), [
    ("{", "is not JSON"), ("[]", 'must hold {"IMAGE"'), ('{"a.png": 3}', "a.png: must be a list"),
    ('{"a.png": [{"box": [0, 0, 5]}]}', 'a.png, object 1: must have "box"'),
    ('{"a.png": [{"box": [5, 0, 5, 9]}]}', "x2 and y2 of a box must be greater"),
    ('{"a.png": [{"box": [0, 0, 5, NaN]}]}', 'must have "box"'),
    ('{"a.png": [{"box": [0, 0, 5, 9], "label": "<script>"}]}', "does not know the class '<script>'"),
    ('{"a.png": [{"box": [0, 0, 5, 9], "label": "__background__"}]}', "does not know the class '__background__'"),
    ('{"a.png": [{"box": [0, 0, 5, 9], "label": "CLASS"}, {"box": [0, 0, 5, 9]}]}', "1 of 2 objects have a label"),
    ('{"a.png": [{"box": [0, 0, 5, 9], "label": "CLASS"}], "b.png": [{"box": [0, 0, 5, 9]}]}',
     "labels for all images or for none")])
def test_main_names_what_is_wrong_with_boxes(trial, folder, tmp_path, capsys, content, said) -> None:
    (tmp_path / "boxes.json").write_text(content.replace("CLASS", Predictor(trial, "cpu").classes[1]))
    assert run(trial, folder / "a.png", "--boxes", tmp_path / "boxes.json", "--out", tmp_path / "out") == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_main_names_images_whose_boxes_are_missing_or_outside(trial, folder, tmp_path, capsys) -> None:
    (tmp_path / "boxes.json").write_text('{"a.png": [{"box": [0, 0, 5, 9]}], "palette.png": [{"box": [70, 0, 90, 9]}]}')
    assert run(trial, *(folder / name for name in ("a.png", "palette.png", "deep.png")), "--boxes",
               tmp_path / "boxes.json", "--out", tmp_path / "out", "--no-pictures") == 1
    said = capsys.readouterr().err
    assert "palette.png: box 1 of" in said
    assert "lies outside of the image, which is 60x40 pixels" in said
    assert "deep.png: " in said
    assert "has no boxes of it" in said


def test_main_names_boxes_of_images_that_are_not_given(trial, folder, tmp_path, capsys) -> None:
    """Such as those of a name that is misspelt. The file of a whole data set serves for some of its images."""
    box = [{"box": [0, 0, 5, 9]}]
    others = {f"{number}.jpg": box for number in range(11)}
    (tmp_path / "boxes.json").write_text(json.dumps({"a.png": box, "A.PNG": box, **others}))
    words = trial, folder / "a.png", "--boxes", tmp_path / "boxes.json", "--out", tmp_path / "out", "--no-pictures"
    assert run(*words) == 0
    said = capsys.readouterr().err
    assert "boxes.json: 12 of 13 entries are of images that are not given: A.PNG, 0.jpg, " in said
    assert "8.jpg, ...\n" in said
    (tmp_path / "boxes.json").write_text(json.dumps({"a.png": box}))
    assert run(*words) == 0
    assert "note:" not in capsys.readouterr().err


def test_main_leaves_out_triplets_below_the_threshold(trial, folder, tmp_path, capsys) -> None:
    (graph,) = Predictor(trial, "cpu")([folder / "a.png"])
    threshold = (graph.scores[2] + graph.scores[3]) / 2
    words = trial, folder / "a.png", "--out", tmp_path / "out", "--device", "cpu", "--no-pictures"
    assert run(*words, "--threshold", threshold) == 0
    document = json.loads((tmp_path / "out" / "a.png.json").read_text())
    np.testing.assert_allclose([one["score"] for one in document["triplets"]], graph.scores[:3], atol=1e-6)
    with pytest.raises(SystemExit):
        run(*words, "--threshold", 1.5)
    assert "--threshold: must be a number from 0 to 1, got 1.5" in capsys.readouterr().err


def test_main_shows_a_bar_on_a_terminal_alone(trial, folder, tmp_path, capsys, monkeypatch) -> None:
    words = trial, folder / "a.png", folder / "deep.png", "--out", tmp_path, "--device", "cpu", "--no-pictures"
    assert run(*words) == 0
    assert capsys.readouterr().err == ""
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("COLUMNS", "80")):  # as on a terminal
        monkeypatch.setenv(name, value)
    assert run(*words) == 0
    said = capsys.readouterr().err
    assert "images" in said
    assert "2/2" in said


def as_large(content: bytes, width: int, height: int) -> bytes:
    """A PNG whose header says another size."""
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + content[24:29]
    return content[:12] + head + zlib.crc32(head).to_bytes(4, "big") + content[33:]


def test_main_predicts_an_image_of_20000_pixels_and_names_one_that_is_too_large(
        trial, folder, tmp_path, capsys) -> None:
    wide, square = folder / "wide.png", folder / "square.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 20_000, 3), np.uint8)).save(wide)
    square.write_bytes(as_large((folder / "a.png").read_bytes(), 20_000, 20_000))
    assert run(trial, wide, square, "--out", tmp_path / "out", "--device", "cpu") == 1
    said = capsys.readouterr()
    assert "1 of 2 images predicted" in said.out
    assert f"image file {square} has more than 178,956,970 pixels: make it smaller" in said.err
    document = json.loads((tmp_path / "out" / "wide.png.json").read_text())
    assert (document["width"], document["height"]) == (20_000, 60)
    with Image.open(tmp_path / "out" / "wide.png.graph.png") as picture:
        assert max(picture.size) < 10_000


def test_main_says_nothing_of_images_of_which_pil_warns(trial, folder, tmp_path, capsys, monkeypatch, recwarn) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2_000)  # a.png has 2,400
    assert run(trial, folder / "a.png", "--out", tmp_path, "--device", "cpu", "--no-pictures") == 0
    assert capsys.readouterr().err == ""
    assert [warning.message for warning in recwarn if warning.category is Image.DecompressionBombWarning] == []
    with pytest.warns(Image.DecompressionBombWarning):  # PIL's own limit is the one that was set
        images.read_pixels(folder / "a.png")


@pytest.mark.parametrize(("words", "said"), [
    (["TRIAL", "IMAGES/none"], "none: there is no such image or folder"), (["IMAGES", "IMAGES"], "holds no checkpoint"),
    (["TRIAL", "EMPTY"], "there is no image file"),
    (["TRIAL", "IMAGES/a.png", "OTHER/a.png"], "would both write a.png.json")])
def test_main_names_wrong_arguments(trial, folder, tmp_path, capsys, words, said) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    shutil.copy(folder / "a.png", tmp_path / "other")
    places = {"TRIAL": trial, "IMAGES": folder, "EMPTY": tmp_path / "empty", "OTHER": tmp_path / "other"}
    for name, place in places.items():
        words = [word.replace(name, str(place)) for word in words]
    assert run(*words, "--out", tmp_path / "out") == 2
    assert said in capsys.readouterr().err


def test_find_images_leaves_out_results_and_hidden_files(folder) -> None:
    (folder / "out").mkdir()
    shutil.copy(folder / "a.png", folder / "out" / "a.png.graph.png")
    shutil.copy(folder / "a.png", folder / ".hidden.png")
    found, others = images.find_images([folder], folder / "out")
    assert [file.name for file in found] == ["a.png", "alpha.webp", "below/cmyk.jpg", "deep.png", "moving.gif",
                                             "palette.png", "turned.jpg"]
    assert others == 1


@pytest.mark.parametrize("out", ["images", "images/..", "."])
def test_find_images_refuses_results_among_or_above_the_images(tmp_path, monkeypatch, out) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"--out {re.escape(out)} holds the images of images: name"):
        images.find_images([Path("images")], Path(out))
    found, _ = images.find_images([Path("images/a.jpg")], Path(out))  # one that is named is never left out
    assert [file.name for file in found] == ["a.jpg"]


def test_find_images_keeps_broken_links_which_are_named_when_they_are_read(folder) -> None:
    (folder / "gone.jpg").symlink_to(folder / "nothing.jpg")
    found, _ = images.find_images([folder], folder / "out")
    gone = next(file for file in found if file.name == "gone.jpg")
    with pytest.raises(FileNotFoundError, match=r"image file .*gone\.jpg is missing"):
        images.read_pixels(gone.path)


def test_pixels_of_makes_huge_images_smaller(monkeypatch) -> None:
    """Size and boxes stay those of the image; only the square is smaller."""
    monkeypatch.setattr(images, "LONGEST", 64)
    pixels = images.pixels_of(np.full((50, 128, 3), 7, np.uint8))
    assert pixels.size == (50, 128)
    assert pixels.square.shape == (3, 64, 64)
    assert pixels.image.shape == (25, 64, 3)
    assert (pixels.image == 7).all()


def test_predictor_gives_boxes_in_pixels_of_an_image_that_was_made_smaller(trial, monkeypatch) -> None:
    image = np.random.default_rng(0).integers(0, 256, (44, 44, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    monkeypatch.setattr(images, "LONGEST", 352)
    (graph,) = Predictor(trial, "cpu")(image)
    assert graph.size == (704, 704)
    assert np.asarray(graph.boxes).max() > 352


def test_schema_is_the_committed_one() -> None:
    assert json.loads((ROOT / "docs" / "scene_graph.schema.json").read_text()) == schema()
