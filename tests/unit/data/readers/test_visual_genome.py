"""What the loader makes of Visual Genome's files, right and wrong ones."""

import fcntl
import json

import h5py
import numpy as np
import pytest

from sgg.data.readers.visual_genome import open_visual_genome

NUM_VAL = 2


def test_open_visual_genome_gives_boxes_in_pixels(genome_directory):
    data = open_visual_genome(genome_directory, num_val_images=NUM_VAL)
    graph = data.split("val").graph(0)
    assert graph.boxes.tolist() == [[0, 10, 20, 25], [15, 20, 35, 35], [40, 30, 60, 45]]
    assert graph.labels.tolist() == [1, 2, 3]
    assert graph.relations.tolist() == [[0, 1, 1], [2, 0, 1]]


def test_corners_from_centres_rounds_towards_zero(new_genome, tmp_path):
    genome = new_genome()
    genome.arrays["boxes_1024"][:2] = [[10, 10, 5, 5], [0, 0, 1, 3]]  # corners 7.5 and -.5, -1.5
    data = open_visual_genome(genome.write(tmp_path, images=False), num_val_images=NUM_VAL)
    in_frame = data.split("val").graph(0).boxes * 16
    assert in_frame[:2].tolist() == [[7, 7, 12, 12], [0, 0, 1, 2]]  # the last: -1..2, clipped


def test_open_visual_genome_takes_the_first_training_images_with_a_relation_for_validation(genome_directory):
    data = open_visual_genome(genome_directory, num_val_images=4)
    ids = {name: [part.image_id(i) for i in range(len(part))]
           for name in ("train", "val", "test") for part in [data.split(name)]}
    assert ids == {"val": ["100", "101", "102", "104"], "train": ["105"], "test": ["107", "108", "109"]}


def test_images_without_relations_stay_when_asked_for(genome_directory):
    data = open_visual_genome(genome_directory, num_val_images=NUM_VAL)
    assert data.split("train", relations_required=False).annotations.files.tolist() == [
        "102.jpg", "103.jpg", "104.jpg", "105.jpg"]
    assert len(data.split("detector")) == 4


def test_open_visual_genome_drops_corrupt_images_before_it_matches_rows(new_genome, tmp_path):
    genome = new_genome()
    genome.images.insert(3, {"image_id": 1592, "width": 1, "height": 1})
    data = open_visual_genome(genome.write(tmp_path, images=False), num_val_images=NUM_VAL)
    assert data.annotations.files[3] == "103.jpg"


def test_boxes_over_the_border_are_clipped(new_genome, tmp_path):
    genome = new_genome()
    genome.arrays["boxes_1024"][0] = [160, 700, 320, 240]  # down to 820 of the image's 768
    data = open_visual_genome(genome.write(tmp_path, images=False), num_val_images=NUM_VAL)
    assert data.split("val").graph(0).boxes[0].tolist() == [0, 36.25, 20, 48]


def test_open_visual_genome_hashes_the_content_only(new_genome, tmp_path):
    genome = new_genome()
    genome.arrays["labels"] = genome.arrays["labels"].astype(np.uint8)
    same = open_visual_genome(genome.write(tmp_path / "same"), num_val_images=NUM_VAL).hash
    genome.arrays["labels"][4] = 2
    other = open_visual_genome(genome.write(tmp_path / "other"), num_val_images=NUM_VAL).hash
    base = open_visual_genome(new_genome().write(tmp_path / "base"), num_val_images=NUM_VAL).hash
    moved = open_visual_genome(tmp_path / "base", num_val_images=NUM_VAL + 1).hash
    assert base == same
    assert len({base, other, moved}) == 3


def test_open_visual_genome_reads_the_files_with_attributes(genome_directory):
    """They hold the same data, and attributes beside them."""
    plain = open_visual_genome(genome_directory, num_val_images=NUM_VAL)
    folder = genome_directory / "stanford_filtered"
    (folder / "VG-SGG.h5").rename(folder / "VG-SGG-with-attri.h5")
    (folder / "VG-SGG-dicts.json").rename(folder / "VG-SGG-dicts-with-attri.json")
    with h5py.File(folder / "VG-SGG-with-attri.h5", "a") as file:
        file["attributes"] = np.zeros((27, 10), np.int64)
    assert open_visual_genome(genome_directory, num_val_images=NUM_VAL).hash == plain.hash


def set_rows(name, row, value):
    def edit(genome):
        genome.arrays[name][row] = value
    return edit


def drop(name):
    return lambda genome: genome.arrays.pop(name)


def set_image(index, **values):
    return lambda genome: genome.images[index].update(values)


WRONG = {
    "dataset missing": (drop("predicates"), r"VG-SGG.h5 has no dataset 'predicates'; it has: boxes_1024, img"),
    "shape": (lambda g: g.arrays.update(labels=g.arrays["labels"][:-1]),
              r"VG-SGG.h5: 'labels' must have shape \[27, 1\], but has \[26, 1\]"),
    "type": (lambda g: g.arrays.update(labels=g.arrays["labels"] + 0.5), r"'labels' must hold .* but holds float64"),
    "split": (set_rows("split", 2, 1), r"'split' must be 0 \(train\) or 2 \(test\), but row 2 is 1"),
    "class": (set_rows("labels", 4, 5), r"VG-SGG.h5: image 101.jpg, object 1: class 5 is not in 1..4"),
    "class zero": (set_rows("labels", 4, 0), r"image 101.jpg, object 1: class 0 is not in 1..4"),
    "predicate": (set_rows("predicates", 3, 3), r"image 101.jpg, relation 1: predicate 3 is not in 1..2"),
    "box size": (set_rows("boxes_1024", (5, 2), 0), r"image 101.jpg, object 2: box \[.*\] .* has no area"),
    "box outside": (set_rows("boxes_1024", 5, [200, 900, 20, 20]),
                    r"image 101.jpg, object 2: box \[.*\] .* lies outside the image of 64x48 pixels"),
    "box far away": (set_rows("boxes_1024", 5, [5000, 20, 20, 20]), r"'boxes_1024' row 5: the box .* leaves the frame"),
    "box before": (set_rows("boxes_1024", 5, [-50, 20, 20, 20]), r"'boxes_1024' row 5: the box .* leaves the frame"),
    "ranges overlap": (set_rows("img_to_first_box", 4, 11), r"image 4 owns rows 11..14 .* its first row must be 12"),
    "range shortened": (set_rows("img_to_last_rel", 9, 14),
                        r"'relationships' must have shape \[15, 2\], but has \[16, 2\]"),
    "range too long": (set_rows("img_to_last_box", 9, 27),
                       r"'boxes_1024' must have shape \[28, 4\], but has \[27, 4\]"),
    "range backwards": (set_rows("img_to_last_box", 4, 3), r"image 4 owns rows 12..3"),
    "range dropped": (set_rows("img_to_first_box", 4, -1), r"image 5 owns rows 15..17 .* its first row must be 12"),
    "across images": (set_rows("relationships", (3, 1), 0),
                      r"image 101.jpg, relation 1: objects \[2, -3\] are not all in"),
    "image missing": (lambda g: g.images.pop(), r"VG-SGG.h5 has 10 images, but image_data.json has 9"),
    "image twice": (set_image(4, image_id=103), r"image_data.json: image_id 103 occurs more than once"),
    "width": (set_image(4, width=0), r"image_data.json: record 4 must have a whole number >= 1 under 'width'"),
    "height as text": (set_image(4, height="48"), r"image_data.json: record 4 must have a whole number"),
    "huge id": (set_image(4, image_id=2**70), r"image_data.json: record 4 must have a whole number"),
    "names": (lambda g: g.names.pop("label_to_idx"), r"VG-SGG-dicts.json: 'label_to_idx' must map names to numbers"),
    "numbers": (lambda g: g.names["label_to_idx"].update(cat=9),
                r"the numbers in 'label_to_idx' must be 1..4, each once"),
    "no training": (set_rows("split", slice(None), 2), r"every split needs images .* train 0, val 0, test 8$"),
}


@pytest.mark.parametrize("name", WRONG)
def test_open_visual_genome_names_a_wrong_record(name, new_genome, tmp_path):
    edit, message = WRONG[name]
    genome = new_genome()
    edit(genome)
    with pytest.raises(ValueError, match=message):
        open_visual_genome(genome.write(tmp_path, images=False), num_val_images=NUM_VAL)


@pytest.mark.parametrize("file", ["VG-SGG.h5", "VG-SGG-dicts.json", "image_data.json"])
def test_open_visual_genome_names_a_missing_or_truncated_file(file, genome_directory):
    path = genome_directory / "stanford_filtered" / file
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"{file} is not .*, or is cut off"):
        open_visual_genome(genome_directory, num_val_images=NUM_VAL)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{file} is missing; get .* with: python -m sgg.data prepare vg"):
        open_visual_genome(genome_directory, num_val_images=NUM_VAL)


def test_open_visual_genome_refuses_a_name_that_occurs_twice(genome_directory):
    path = genome_directory / "stanford_filtered" / "VG-SGG-dicts.json"
    path.write_text(path.read_text().replace('"cat": 2', '"cat": 5, "cat": 2'))
    with pytest.raises(ValueError, match=r"VG-SGG-dicts.json .* the key 'cat' occurs twice in one object"):
        open_visual_genome(genome_directory, num_val_images=NUM_VAL)


def test_open_visual_genome_names_json_of_another_shape(genome_directory):
    path = genome_directory / "stanford_filtered" / "image_data.json"
    path.write_text(json.dumps({"images": []}))
    with pytest.raises(ValueError, match=r"image_data.json must hold a list, but holds a dict"):
        open_visual_genome(genome_directory, num_val_images=NUM_VAL)


def test_require_images_names_missing_images_and_the_remedy(new_genome, tmp_path):
    data = open_visual_genome(new_genome().write(tmp_path, images=False), num_val_images=NUM_VAL)
    with pytest.raises(FileNotFoundError, match=r"no .*VG_100K; get the data set with: python -m sgg.data prepare vg"):
        data.require_images()


def test_require_images_names_one_missing_image(new_genome, tmp_path):
    data = open_visual_genome(new_genome().write(tmp_path), num_val_images=NUM_VAL)
    data.require_images()
    test = data.split("test")
    test.image_path(len(test) - 1).unlink()
    data.require_images(data.split("train"), test.head(len(test) - 1))
    with pytest.raises(FileNotFoundError, match=rf"^1 of {len(test)} images of test of Visual Genome.* are missing, "
                                                r"the first is .*\.jpg; get the data set with: python -m sgg\.data"):
        data.require_images()


def test_open_visual_genome_uses_the_file_name_of_a_record(new_genome, tmp_path):
    genome = new_genome()
    genome.images[7]["file_name"] = "day 2/100.jpg"  # the other folder's image 100
    data = open_visual_genome(genome.write(tmp_path, images=False), num_val_images=NUM_VAL)
    assert data.split("test").annotations.files.tolist() == ["day 2/100.jpg", "108.jpg", "109.jpg"]


@pytest.mark.parametrize(("file", "message"), [
    (3, r"image_id 107 must have a path below the folder of images under 'file_name', got 3"),
    ("../a.jpg", r"image_id 107 must have a path below"),
    ("103.png", r"image_id 103 and 107 have the same image file, '103.png'")])
def test_open_visual_genome_names_an_impossible_file_name(file, message, new_genome, tmp_path):
    genome = new_genome()
    genome.images[7]["file_name"] = file
    with pytest.raises(ValueError, match=r"image_data.json: " + message):
        open_visual_genome(genome.write(tmp_path, images=False), num_val_images=NUM_VAL)


def test_open_visual_genome_does_not_call_a_locked_file_damaged(genome_directory):
    with open(genome_directory / "stanford_filtered" / "VG-SGG.h5", "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match=r"VG-SGG.h5 is locked, .* HDF5_USE_FILE_LOCKING=FALSE") as caught:
            open_visual_genome(genome_directory, num_val_images=NUM_VAL)
    assert "damaged" not in str(caught.value)
