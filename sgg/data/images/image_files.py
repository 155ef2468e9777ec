"""Picture files: the pixels that a viewer shows, and what a file tells of itself without being decoded.

One rule holds wherever a picture is read (docs/SYSTEM.md section 1): it is turned as its EXIF orientation says, what is
transparent becomes white, 16 bits become their upper 8, of several frames the first one counts, and what has no such
meaning (floating point, 32 bits) is refused. Its size is the one that it has when it is turned.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

EDGE = 16384
"""Bytes at either end of a file that make its fingerprint."""
ORIENTATION = 0x0112
TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
         5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
         8: Image.Transpose.ROTATE_90}
"""What each EXIF orientation asks of a viewer; 1 and unknown ones ask nothing."""
SIDEWAYS = (5, 6, 7, 8)  # those that exchange height and width
PLAIN = {"1", "L", "P", "RGB", "RGBA", "RGBa", "RGBX", "LA", "La", "PA", "CMYK", "YCbCr", "HSV"}  # PIL modes of 8 bits
SIXTEEN = {"I;16", "I;16L", "I;16B", "I;16N"}
UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, RuntimeError, struct.error,
              Image.DecompressionBombError)
"""What PIL raises for files that are no pictures, or spoilt ones."""


@dataclass(frozen=True)
class Header:
    """What a picture file tells without being decoded.

    fingerprint: 16 hexadecimal digits of its length and of the first and last EDGE bytes. height, width: in pixels, as
    a viewer shows it; 0 where that is not known. orientation: of EXIF, 1 to 8. fault: why it cannot serve; "" where
    nothing says so. notes: what is done to it when it is read, as words that stay the same.
    """

    fingerprint: str
    height: int
    width: int
    orientation: int
    fault: str
    notes: tuple[str, ...]


TURNED, TRANSPARENT, DEEP, ANIMATED = "turned by EXIF", "transparent", "of 16 bits", "of several frames"


def read_image(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """[h, w, 3] uint8 RGB. size: the height and width that the annotation gives.

    Raises FileNotFoundError, or ValueError naming a file that cannot be decoded or has another size.
    """
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            _require_whole(image, content, content, len(content))
            _require_meaning(image)
            image.load()
            orientation = orientation_of(image)
            picture = _pixels(image.transpose(TURNS[orientation]) if orientation in TURNS else image)
    except FileNotFoundError:
        raise FileNotFoundError(f"picture {path} is missing") from None
    except UNREADABLE as error:
        raise ValueError(f"picture {path} {_reason(error)}") from None
    if size and picture.shape[:2] != tuple(size):
        raise ValueError(f"picture {path} {size_fault(picture.shape[:2], orientation, size)}")
    return picture


def read_header(path: Path) -> Header:
    """What the file tells, in about a tenth of a millisecond. Raises FileNotFoundError."""
    try:
        with open(path, "rb") as file:
            length = os.fstat(file.fileno()).st_size
            head = file.read(EDGE)
            file.seek(max(0, length - EDGE))
            tail = file.read(EDGE)
            fingerprint = sha256(b"%d " % length + head + tail).hexdigest()[:16]
            file.seek(0)
            try:
                with Image.open(file) as image:
                    return _header(image, fingerprint, head, tail, length)
            except UNREADABLE as error:
                return Header(fingerprint, 0, 0, 1, _reason(error), ())
    except FileNotFoundError:
        raise FileNotFoundError(f"picture {path} is missing") from None
    except OSError as error:
        return Header("", 0, 0, 1, _reason(error), ())


def size_fault(found: tuple[int, int], orientation: int, annotated: tuple[int, int]) -> str:
    """Why a picture whose size is not the annotated one cannot serve. Sizes are heights and widths."""
    text = f"is {found[1]}x{found[0]} pixels, but its annotation was made for {annotated[1]}x{annotated[0]}"
    if orientation in SIDEWAYS and tuple(annotated) == (found[1], found[0]):
        text += (f": its EXIF orientation is {orientation}, so viewers turn it; take the tag out of the file if boxes "
                 "were drawn on the picture as it is stored, else mend the annotated size")
    return text


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where the file has none or EXIF is spoilt, which viewers pass over too."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except UNREADABLE:
        return 1
    return found if found in TURNS else 1


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as they are stored; newer versions of PIL give those of a TIFF as it is shown."""
    tags = _tiff_tags(image)
    return tags.get(256, image.width), tags.get(257, image.height)


def _tiff_tags(image: Image.Image) -> Mapping[int, Any]:
    """What a TIFF says of itself, by the number of the tag; nothing of other formats."""
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    return tags


def _header(image: ImageFile, fingerprint: str, head: bytes, tail: bytes, length: int) -> Header:
    orientation = orientation_of(image)
    width, height = _stored_size(image)
    if orientation in SIDEWAYS:
        width, height = height, width
    try:
        _require_whole(image, head, tail, length)
        _require_meaning(image)
    except ValueError as error:
        return Header(fingerprint, height, width, orientation, _reason(error), ())
    notes = {TURNED: orientation != 1, TRANSPARENT: image.has_transparency_data, DEEP: _is_deep(image),
             ANIMATED: image.format != "MPO" and getattr(image, "n_frames", 1) > 1}
    return Header(fingerprint, height, width, orientation, "", tuple(note for note, holds in notes.items() if holds))


def _require_whole(image: ImageFile, head: bytes, tail: bytes, length: int) -> None:
    """Raise ValueError where a file of `length` bytes is cut off, as far as its first and last bytes show that."""
    if length < _promised(image, head):
        raise ValueError("it is shorter than it says")
    ends = ENDS.get(image.format or "")
    if ends is None or ends(tail):
        return
    if len(tail) < length and image.fp is not None:  # other things may follow the picture, a film for one
        image.fp.seek(0)
        if ends(image.fp.read()):
            return
    raise ValueError("it has no end marker")


def _promised(image: Image.Image, head: bytes) -> int:
    """How many bytes the header says that there are at least."""
    if image.format == "WEBP":
        return 8 + int.from_bytes(head[4:8], "little")
    if image.format == "BMP":
        return int.from_bytes(head[2:6], "little")
    if image.format == "TIFF":
        tags = _tiff_tags(image)
        return max((first + count for start, lengths in ((273, 279), (324, 325))  # strips, tiles
                    for first, count in zip(tags.get(start, ()), tags.get(lengths, ()), strict=False)), default=0)
    return 0


def _jpeg_ends(content: bytes) -> bool:
    """Whether the end marker follows the last scan; a thumbnail has one too, before the picture's own scan."""
    end = content.rfind(b"\xff\xd9")
    return end >= 0 and content.find(b"\xff\xda", end) < 0


ENDS: dict[str, Callable[[bytes], bool]] = {
    "JPEG": _jpeg_ends, "MPO": _jpeg_ends, "PNG": lambda content: b"IEND" in content,
    "GIF": lambda content: content.rstrip(b"\0").endswith(b";")}
"""Whether the end of a picture of that format is among some bytes from the end of its file."""


class _NoMeaning(ValueError):
    """Pixels that cannot be shown."""


def _require_meaning(image: Image.Image) -> None:
    """Raise _NoMeaning, naming what the pixels are, where it is not known how light they are."""
    if image.mode in PLAIN or _is_deep(image):
        return
    kinds = {"F": "floating-point numbers", "I": "32-bit numbers"}
    raise _NoMeaning(f"holds {kinds.get(image.mode, f'colours of the kind {image.mode}')}, of which nothing says what "
                     "is black and what is white: save it with 8 or 16 bits")


def _is_deep(image: Image.Image) -> bool:
    return image.mode in SIXTEEN or (image.mode == "I" and image.format == "PNG")  # "I": Pillow 10


def _pixels(image: Image.Image) -> np.ndarray:
    """[h, w, 3] uint8 of a loaded image, upright."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return np.asarray(image)
    if _is_deep(image):
        return _of_sixteen_bits(image)
    if image.has_transparency_data:
        glass = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", glass.size, "white"), glass)
    return np.asarray(image.convert("RGB"))


def _of_sixteen_bits(image: Image.Image) -> np.ndarray:
    levels = np.asarray(image).astype(np.uint16)
    grey = (levels >> 8).astype(np.uint8)
    if _tiff_tags(image).get(262) == 0:  # a TIFF in which 0 is white
        grey = 255 - grey
    if "transparency" in image.info:
        grey[levels == image.info["transparency"]] = 255
    return np.repeat(grey[..., None], 3, axis=2)


def _reason(error: Exception) -> str:
    """What is wrong with a picture, to follow its name."""
    text = "it is of no known picture format" if isinstance(error, UnidentifiedImageError) else str(error)
    if isinstance(error, _NoMeaning):
        return text
    if isinstance(error, OSError) and error.strerror:  # a folder of that name, no permission
        return f"cannot be read: {error.strerror}"
    return f"cannot be read, or is cut off: {text.partition(chr(10))[0]}"
