"""Hashes that identify files and values."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def sha256_of(path: Path | str) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_hash(path: Path | str) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256."""
    return sha256_of(path)[:16]


def value_hash(value: Any) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of a value as JSON; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
