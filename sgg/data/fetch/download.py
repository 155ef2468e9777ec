"""Download one file. An interrupted download resumes, and the file gets its name only when it is whole.

`pooch` would not make this shorter. It has no resumption, it keeps nothing of a broken download, and it asks for a
checksum or accepts any bytes. Here a download of 10 GB resumes where it broke off, if the server's file is still the
same one, and a file without a known checksum is checked by its form. Unpacking refuses archives that pooch accepts.
"""

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
"""Called with the number of received bytes and of all bytes (None: unknown)."""

_CHUNK = 1 << 20
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)  # HTTP errors that may be gone at the next attempt


def fetch(url: str, path: Path, size: int | None = None, sha256: str | None = None, *, report: Report | None = None,
          attempts: int = 5, pause: float = 2.0, timeout: float = 60.0) -> str:
    """Download `url` to `path` unless the file exists. Returns its SHA-256.

    An interrupted download resumes from `path`.part, in the same call and in later calls. The call fails after
    `attempts` attempts in a row without a new byte. pause: seconds between attempts. timeout: of the connection, in
    seconds. size, sha256: the expected values, if they are known.

    Without `sha256`, the form of JSON, zip and HDF5 files is checked, since a server may answer with an HTML page. If
    neither `size` is given nor the server states the length, the log warns that the file is unverified.

    Raises ValueError if the file has another size or checksum, or its form is wrong (the download is then deleted);
    OSError if the server cannot be reached or refuses, or the disk is full.
    """
    if path.is_file():
        digest, problem = _judge(path, path.name, size, sha256)
        if problem:
            raise ValueError(f"{path} {problem}; move it away, and start again to download it")
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
                length_known = _resume(url, file, _validator(part), size, sha256, report, timeout)
                break
            except ValueError:
                _discard(part)
                raise
            except (OSError, http.client.HTTPException) as error:
                failures = 1 if file.tell() > before else failures + 1
                final = isinstance(error, urllib.error.HTTPError) and error.code not in _TEMPORARY
                if final or failures >= attempts or _is_local(error):
                    raise OSError(f"{url} could not be downloaded: {error}; {file.tell():,} bytes are kept; run the "
                                  "same command again to resume") from None
                time.sleep(pause)
    digest, problem = _judge(part, path.name, size, sha256)
    if size is None and sha256 is None and not length_known:
        log.warning("%s is unverified: its checksum is unknown, and the server did not state its length", path.name)
    if problem:
        _discard(part)
        raise ValueError(f"{path.name} from {url} {problem}; it was deleted")
    os.replace(part, path)
    _validator(part).unlink(missing_ok=True)
    return digest


def _resume(url: str, file: BinaryIO, validator: Path, size: int | None, sha256: str | None, report: Report,
            timeout: float) -> bool:
    """Append the missing bytes to `file`. Returns whether the server stated the length.

    Raises OSError or HTTPException if the connection breaks off, ValueError as soon as the size is wrong.
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
        if error.code == 416:  # the received bytes are not the beginning of the server's file
            _empty(file)
            raise ConnectionError("the server's file is shorter than the received bytes; starting again") from None
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
                raise ValueError(f"{url} must have {size:,} bytes, but has more; the download was deleted")
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
    """The file that holds the version (ETag or date) of the remote file that `part` is the beginning of."""
    return part.with_name(part.name + ".version")


def _is_local(error: BaseException) -> bool:
    """Whether the error comes from the local disk, so that another attempt is useless."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)


def _judge(path: Path, name: str, size: int | None, sha256: str | None) -> tuple[str, str]:
    """The SHA-256 of `path`, and its fault; "" if there is none. Its size or SHA-256 may be wrong, or its form may not
    be that of its `name`.
    """
    actual, digest = path.stat().st_size, sha256_of(path)
    if size not in (None, actual):
        return digest, f"has {actual:,} bytes, but must have {size:,}"
    if sha256 is None:
        return digest, structural_fault(path, name)
    return digest, "" if sha256 == digest else f"has the SHA-256 {digest}, but must have {sha256}"
