"""Fetching one file: resumed where it was cut off, and in its place only when it is whole."""

from __future__ import annotations

import errno
import fcntl
import http.client
import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from sgg.common.hashing import sha256_of
from sgg.data.fetch.structure import structural_fault

log = logging.getLogger(__name__)

Report = Callable[[int, int | None], None]
"""Called with the bytes that are there and those that there will be (None: unknown)."""

_CHUNK = 1 << 20
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP errors that may be gone on the next try


def fetch(url: str, path: Path, size: int | None = None, sha256: str | None = None, *, report: Report | None = None,
          attempts: int = 5, pause: float = 2.0, timeout: float = 60.0) -> str:
    """Download `url` to `path` unless it is there. Returns its SHA-256.

    A download that breaks off is taken up again, at once and in later calls, from `path`.part; `attempts` of them in a
    row may bring nothing new, with `pause` seconds between.

    Where no checksum is asked for, the form of JSON, zip and HDF5 files is looked at: a server may answer with a page
    of its own. Where neither the size is asked for nor the server tells it, a warning in the log says that nothing else
    vouches for the file.

    Raises ValueError when the file has another size or checksum than asked for, or is visibly something else or cut off
    (what was downloaded is deleted), OSError when the server cannot be reached, refuses, or the disk is full.
    """
    if path.is_file():
        digest, problem = _judge(path, path.name, size, sha256)
        if problem:
            raise ValueError(f"{path} {problem}; move it away and it is downloaded again")
        return digest
    path.parent.mkdir(parents=True, exist_ok=True)
    report = report or (lambda done, total: None)
    part = path.with_name(path.name + ".part")
    with open(part, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"another process is downloading {path}") from None
        failures = 0
        while True:
            before = file.tell()
            try:
                told = _take_up(url, file, _validator(part), size, sha256, report, timeout)
                break
            except ValueError:
                _discard(part)
                raise
            except (OSError, http.client.HTTPException) as error:
                failures = 1 if file.tell() > before else failures + 1
                final = isinstance(error, urllib.error.HTTPError) and error.code not in _PASSING
                if final or failures >= attempts or _is_local(error):
                    raise OSError(f"{url} could not be downloaded: {error}; {file.tell():,} bytes are kept, and the "
                                  "same command goes on from there") from None
                time.sleep(pause)
    digest, problem = _judge(part, path.name, size, sha256)
    if size is None and sha256 is None and not told:
        log.warning("%s is unverified: no checksum of it is known, and the server did not tell its length", path.name)
    if problem:
        _discard(part)
        raise ValueError(f"{path.name} from {url} {problem}; it was deleted")
    os.replace(part, path)
    _validator(part).unlink(missing_ok=True)
    return digest


def _take_up(url: str, file: BinaryIO, validator: Path, size: int | None, sha256: str | None, report: Report,
             timeout: float) -> bool:
    """Append what is missing to `file`. Returns whether the server told how long it is.

    Raises OSError or HTTPException when it breaks off, ValueError as soon as it is known to be of another `size`.
    """
    start = file.tell()
    headers = {"User-Agent": "sgg-platform"}
    if start and (validator.exists() or sha256):
        headers["Range"] = f"bytes={start}-"
        if validator.exists():
            headers["If-Range"] = validator.read_text()
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and start and start == size:
            return True
        if error.code == 416:  # what is there is no beginning of what the server has
            _empty(file)
            raise ConnectionError("the server has no more of this file; starting again") from None
        raise
    with response:
        continues = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if not continues:
            _empty(file)
        total = _total(response, file.tell())
        if size is not None and total not in (None, size):
            raise ValueError(f"{url} has {total:,} bytes, but must have {size:,}")
        tag = response.headers.get("ETag") or response.headers.get("Last-Modified")
        if tag and not tag.startswith("W/"):
            validator.write_text(tag)
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            if size is not None and file.tell() > size:
                raise ValueError(f"{url} has more than the {size:,} bytes that it must have; what came was deleted")
            report(file.tell(), total)
        file.flush()
        if total is not None and file.tell() < total:
            raise ConnectionError(f"the connection broke off after {file.tell():,} of {total:,} bytes")
    return total is not None


def _empty(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


def _discard(part: Path) -> None:
    part.unlink()
    _validator(part).unlink(missing_ok=True)


def _total(response: http.client.HTTPResponse, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _validator(part: Path) -> Path:
    """The file that remembers which version of the remote file `part` is the beginning of."""
    return part.with_name(part.name + ".version")


def _is_local(error: BaseException) -> bool:
    """Whether the disk is at fault, so that asking again is of no use."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)


def _judge(path: Path, name: str, size: int | None, sha256: str | None) -> tuple[str, str]:
    """The SHA-256 of `path`, and how it differs from what was asked for, or from what its `name` says ("": it does
    not).
    """
    actual, digest = path.stat().st_size, sha256_of(path)
    if size not in (None, actual):
        return digest, f"has {actual:,} bytes, but must have {size:,}"
    if sha256 is None:
        return digest, structural_fault(path, name)
    return digest, "" if sha256 == digest else f"has the SHA-256 {digest}, but must have {sha256}"
