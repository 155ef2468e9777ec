"""Hashes of files and of values."""

import hashlib

from sgg.common.hashing import file_hash, sha256_of, value_hash


def test_sha256_of_and_file_hash(tmp_path):
    (tmp_path / "a").write_bytes(b"rows")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"rows").hexdigest()
    assert file_hash(tmp_path / "a") == sha256_of(tmp_path / "a")[:16]


def test_value_hash():
    """The digits are part of the names of detectors and feature stores, so they must never change."""
    assert value_hash({"a": 1, "b": [2]}) == value_hash({"b": [2], "a": 1}) != value_hash({"a": 1, "b": [3]})
    assert value_hash([1, "x"]) == hashlib.sha256(b'[1, "x"]').hexdigest()[:12]
