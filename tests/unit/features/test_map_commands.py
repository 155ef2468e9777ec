"""`python -m sgg.features maps`, `repair`, `info` and `verify` of stored maps."""

from pathlib import Path

import pytest

from sgg.features import __main__ as features
from sgg.features.array import shard_of
from sgg.systems.two_stage import map_estimates
from sgg.systems.two_stage.foundation import TwoStageFoundation
from tests.unit.systems.test_stored import foundation_of


@pytest.fixture
def config(toy_root, tmp_path, monkeypatch) -> str:
    """A config for the foundation of random weights that the commands open."""
    def opened(config):
        made = foundation_of(toy_root, tmp_path / "cache", config.features.maps)
        assert made.config.evaluation.test
        return made

    monkeypatch.setattr(TwoStageFoundation, "open", opened)
    monkeypatch.setattr(map_estimates, "known_hash", lambda *_: "0123")
    path = tmp_path / "a.yaml"
    path.write_text(f"data: {{name: toy, root: {toy_root}, cache: {tmp_path / 'cache'}, train_images: 8, "
                    "eval_images: 4}\ntraining: {epochs: 3, batch_size: 4}\n")
    return str(path)


def run(capsys, *words: str) -> str:
    assert features.main(list(words)) == 0
    return capsys.readouterr().out


def stores(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "features").glob("real-map-*.zarr"))


def test_maps_stores_every_split_and_info_says_what_they_hold(config, tmp_path, capsys) -> None:
    """Of auto, too, and of test, which a run reads once."""
    printed = run(capsys, "maps", config)
    assert "features.maps=exact: storing 24 maps of train, val, test" in printed
    assert len(stores(tmp_path)) == 3
    assert "storing" not in run(capsys, "maps", config), "they are there"
    text = run(capsys, "info", *map(str, stores(tmp_path)))
    for part in ("map, [32, 22, 22] float32", "8 of train, in both views", "4 of val, in one view", "4 of test",
                 "61,952 before compression", "0123"):
        assert part in text
    assert run(capsys, "verify", *map(str, stores(tmp_path))).count("rows, each with its checksum") == 3


def test_maps_of_one_split(config, tmp_path, capsys) -> None:
    printed = run(capsys, "maps", config, "features.maps=float16", "--split", "val")
    assert "map, [32, 22, 22] float16" in printed
    assert len(stores(tmp_path)) == 1


@pytest.mark.parametrize("command", ["maps", "repair"])
def test_commands_refuse_maps_that_are_off(config, capsys, command: str) -> None:
    assert features.main([command, config, "features.maps=off"]) == 2
    assert "features.maps is off, so there are no stored maps: set features.maps=exact" in capsys.readouterr().err


def test_repair_says_what_it_did(config, tmp_path, capsys) -> None:
    run(capsys, "maps", config)
    train = next(path for path in stores(tmp_path) if (path / "zarr.json").read_text().count('"train"'))
    file = shard_of(train, 0, (32, 22, 22))
    before = file.read_bytes()
    file.write_bytes(before[:1000] + bytes([before[1000] ^ 1]) + before[1001:])
    assert features.main(["verify", str(train)]) == 2
    said = capsys.readouterr().err
    assert "row 0 (image 0 of train; chunk 0 of c/0/0/0/0)" in said
    assert "`python -m sgg.features repair` with the config of the run" in said
    printed = run(capsys, "repair", config)
    assert f"{train}: computed again and sealed: rows 0 (image 0); 1 of 16" in printed
    assert printed.count("every row is sound") == 2
    assert file.read_bytes() == before
    file.unlink()
    assert features.main(["info", str(train)]) == 2
    assert "repair` with the config of the run computes its rows again" in capsys.readouterr().err
    assert "1 (image 0, mirrored), 2 (image 1), 3 (image 1, mirrored), 4 (image 2) and 11 more; 16 of 16" in \
        run(capsys, "repair", config)
    assert file.read_bytes() == before


def test_repair_where_nothing_is_stored(config, tmp_path, capsys) -> None:
    assert features.main(["repair", config]) == 2
    assert "no stored maps of these settings; `python -m sgg.features maps` writes them" in capsys.readouterr().err
    assert not stores(tmp_path)


def test_maps_estimate_writes_nothing(config, tmp_path, capsys) -> None:
    """float32 takes 4 * 32 * 22 * 22 bytes a map."""
    printed = run(capsys, "maps", config, "--estimate")
    for part in ("one map of tiny is 32 x 22 x 22 numbers", "61,952 bytes a map", "30,976 bytes a map",
                 "train: 16 maps", "all: 24 maps", "before compression), about", "free under",
                 "auto stores train (each image is read 3 times, and computed 2 times), val (each image is read 3 "
                 "times, and computed once); never test (each image is read once, and computed once)"):
        assert part in printed
    assert not list(tmp_path.rglob("*.zarr*"))


def test_maps_estimate_without_a_detector_knows_sizes_only(config, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(map_estimates, "known_hash", lambda *_: None)
    monkeypatch.setattr(TwoStageFoundation, "open", lambda config: pytest.fail("a detector would be trained"))
    printed = run(capsys, "maps", config, "--estimate")
    assert "all: 24 maps, 1.5 MB before compression" in printed
    assert "compression and time are unknown: they are measured with the detector, which is not trained" in printed


def test_maps_estimate_of_visual_genome_without_its_data(tmp_path, capsys, monkeypatch) -> None:
    """float16: 2 * 512 * 38 * 38 bytes for 2 * 57,723 + 5,000 + 26,446 maps are 217.2 GB."""
    monkeypatch.setattr(map_estimates, "free_bytes", lambda cache: 100 * 10**9)
    words = ("maps", "tune_configs/paper/imp.yaml", f"data.cache={tmp_path}")
    printed = run(capsys, *words, "--estimate", "--counts", "57723,5000,26446")
    for part in ("512 x 38 x 38 numbers", "1,478,656 bytes a map", "all: 146,892 maps, 217.2 GB before compression",
                 "all: 146,892 maps, 434.4 GB", "more than half of the 100.0 GB that are free"):
        assert part in printed
    pyramid = run(capsys, *words, "detector.backbone=resnet50", "--estimate", "--counts", "57723,5000,26446")
    assert "one map of resnet50 is 256 x 21 x 21 numbers" in pyramid, "the coarse level, from which the model pools"
    assert "float16 (features.maps=float16), 225,792 bytes a map" in pyramid
    for wrong in (("--counts", "1,2,3"), ("--estimate", "--counts", "1,2"), ("--estimate", "--split", "val",
                                                                              "--counts", "1,2")):
        assert features.main([*words, *wrong]) == 2
        assert "--counts goes with --estimate, and has a number of images for each" in capsys.readouterr().err
