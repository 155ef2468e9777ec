"""Feature quality against the reference's numbers (docs/SYSTEM.md section 6)."""

from pathlib import Path

import numpy as np
import pytest

from sgg.metrics.quality import coverage_metrics, frechet_distance

GOLDEN = Path(__file__).parent / "files" / "feature_quality.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as arrays:
        return dict(arrays)


@pytest.mark.parametrize(("suffix", "tolerance"), [("", 1e-6), ("_few", 1e-3)])
def test_frechet_distance(golden, suffix, tolerance):
    real, fake = golden[f"in.real{suffix}"], golden[f"in.fake{suffix}"]
    found = {
        "fid": frechet_distance(real, fake),
        "fid64": frechet_distance(real.astype(np.float64), fake.astype(np.float64)),
        "fid_trunc8": frechet_distance(real[:, :8], fake[:, :8]),
        "fid_scaled3": frechet_distance(3 * real, 3 * fake),
    }
    for name, value in found.items():
        assert value == pytest.approx(golden[f"out.{name}{suffix}"], rel=tolerance, abs=tolerance), name


@pytest.mark.parametrize("suffix", ["", "_few"])
def test_coverage_metrics(golden, suffix):
    found = coverage_metrics(golden[f"in.real{suffix}"], golden[f"in.fake{suffix}"], ks=(1, 3, 5, 10))
    for k, metrics in found.items():
        np.testing.assert_allclose(metrics, golden[f"out.prdc{suffix}.k{k}"], rtol=0, atol=1e-12, err_msg=f"k = {k}")
