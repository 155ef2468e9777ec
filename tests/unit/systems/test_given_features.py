"""Features that the user provides instead of our extraction: read, reported, and part of a trial's identity."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from sgg.common.hashing import value_hash
from sgg.config import validate
from sgg.experiment.data_checks import open_for_training
from sgg.features import StoreMismatchError, write_store
from sgg.systems import parts_of, reads_features
from tests.untrained import untrained


@pytest.fixture
def opened(toy_root):
    """A foundation whose GAN reads the features of `path`."""
    def opened(path):
        return untrained(validate({"data": {"name": "toy", "root": str(toy_root)},
                                   "detector": {"features": path and str(path)},
                                   "augmentation": {"kind": "gan", "visual_conditioning": True}}), toy_root)
    return opened


@pytest.fixture
def imported(opened, tmp_path):
    """A store of one row of the first class, and its identity."""
    ((extraction, _),) = opened(None).training_features()
    (tmp_path / "features.hdf5").write_bytes(b"of the papers")
    identity = extraction.identity.of_import(tmp_path / "features.hdf5")
    write_store(tmp_path / "nodes.zarr", identity, [lambda: (np.ones((1, *extraction.row_shape)), [1])])
    return tmp_path / "nodes.zarr", identity


def test_foundation_reads_given_features_and_reports_them(opened, imported, caplog):
    caplog.set_level(logging.INFO)
    path, identity = imported
    foundation = opened(path)
    assert foundation.features.path == path
    assert f"real features are those of {path}" in caplog.text
    assert "features.hdf5" in caplog.text
    assert not reads_features(foundation.config)  # nothing of ours has to be extracted
    assert foundation.parts == {"detector": "0123", "features": value_hash(identity.to_json())}
    assert parts_of(foundation.provenance) == foundation.parts
    assert opened(None).parts == {"detector": "0123"}


def test_foundation_refuses_features_of_another_detector(opened, imported, tmp_path):
    _, identity = imported
    other = write_store(tmp_path / "other.zarr", replace(identity, detector="4567"),
                        [lambda: (np.ones((1, 64, 7, 7)), [1])])
    with pytest.raises(StoreMismatchError, match=r"detector\.features: .*other\.zarr: .*detector is '4567', not"):
        _ = opened(other.path).features


def test_open_for_training_refuses_features_that_do_not_exist(opened, tmp_path):
    config = opened(tmp_path / "absent.zarr").config
    with pytest.raises(FileNotFoundError, match=r"detector\.features: .*absent\.zarr.*import-hdf5"):
        open_for_training(config)
