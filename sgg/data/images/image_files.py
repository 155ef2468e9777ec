"""Image files: read the pixels as a viewer shows them, or read the header without decoding.

The same rules hold wherever an image is read (docs/SYSTEM.md section 1). It is turned by its EXIF orientation.
Transparent pixels become white. Of 16 bits the upper 8 are used. Of several frames the first one is used.
Floating-point and 32-bit images are refused, because their black and white levels are unknown. The size is that after
turning.
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
"""The number of bytes at either end of a file that the fingerprint covers."""
STRIP = 128
"""Rows of an image that are copied together."""
ORIENTATION = 0x0112
TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
         5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
         8: Image.Transpose.ROTATE_90}
"""How a viewer turns an image of each EXIF orientation; with 1 and unknown ones it does not turn it."""
SIDEWAYS = (5, 6, 7, 8)  # orientations that exchange height and width
PLAIN = {"1", "L", "P", "RGB", "RGBA", "RGBa", "RGBX", "LA", "La", "PA", "CMYK", "YCbCr", "HSV"}  # PIL modes of 8 bits
SIXTEEN = {"I;16", "I;16L", "I;16B", "I;16N"}
UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, RuntimeError, struct.error,
              Image.DecompressionBombError)
"""Exceptions that PIL raises for files that are no images or are damaged."""


@dataclass(frozen=True)
class Header:
    """The information in an image file that needs no decoding.

    fingerprint: 16 hexadecimal digits of its length and of its first and last EDGE bytes. height, width: in pixels, as
    a viewer shows it; 0 if unknown. orientation: of EXIF, 1 to 8. fault: why the file cannot be used; "" if no fault is
    visible. notes: constant words for the changes that reading makes to the image.
    """

    fingerprint: str
    height: int
    width: int
    orientation: int
    fault: str
    notes: tuple[str, ...]


TURNED, TRANSPARENT, DEEP, ANIMATED = "turned by EXIF", "transparent", "of 16 bits", "of several frames"


def read_image(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read an image: [h, w, 3] uint8 RGB. size: the annotated height and width.

    Raises FileNotFoundError, or ValueError that names a file that cannot be decoded or has another size.
    """
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            _require_whole(image, content, content, len(content))
            _require_meaning(image)
            image.load()
            orientation = orientation_of(image)
            pixels = _pixels(image.transpose(TURNS[orientation]) if orientation in TURNS else image)
    except FileNotFoundError:
        raise FileNotFoundError(f"image file {path} is missing") from None
    except UNREADABLE as error:
        raise ValueError(f"image file {path} {_reason(error)}") from None
    if size and pixels.shape[:2] != tuple(size):
        raise ValueError(f"image file {path} {size_fault(pixels.shape[:2], orientation, size)}")
    return pixels


def read_header(path: Path) -> Header:
    """Read the header of an image file, in about a tenth of a millisecond. Raises FileNotFoundError."""
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
        raise FileNotFoundError(f"image file {path} is missing") from None
    except OSError as error:
        return Header("", 0, 0, 1, _reason(error), ())


def size_fault(found: tuple[int, int], orientation: int, annotated: tuple[int, int]) -> str:
    """Why an image cannot be used whose size `found` is not the annotated one. Sizes are height and width."""
    text = f"is {found[1]}x{found[0]} pixels, but its annotation was made for {annotated[1]}x{annotated[0]}"
    if orientation in SIDEWAYS and tuple(annotated) == (found[1], found[0]):
        text += (f": its EXIF orientation is {orientation}, so viewers turn it; remove the tag from the file if the "
                 "boxes were drawn on the stored image, else correct the annotated size")
    return text


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 if the file has none or its EXIF is damaged, as viewers do."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except UNREADABLE:
        return 1
    return found if found in TURNS else 1


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """The stored width and height. For a TIFF, newer versions of PIL give those after turning."""
    tags = _tiff_tags(image)
    return tags.get(256, image.width), tags.get(257, image.height)


def _tiff_tags(image: Image.Image) -> Mapping[int, Any]:
    """The tags of a TIFF by number; {} for other formats."""
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
    """Raise ValueError if the first and last bytes of a file of `length` bytes show that it is cut off."""
    if length < _stated_length(image, head):
        raise ValueError("it is shorter than it says")
    ends = ENDS.get(image.format or "")
    if ends is None or ends(tail):
        return
    if len(tail) < length and image.fp is not None:  # other data, such as a film, may follow the image
        image.fp.seek(0)
        if ends(image.fp.read()):
            return
    raise ValueError("it has no end marker")


def _stated_length(image: Image.Image, head: bytes) -> int:
    """The least number of bytes of the file by its header."""
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
    """Whether an end marker follows the last scan. A thumbnail has one, too, before the scan of the image."""
    end = content.rfind(b"\xff\xd9")
    return end >= 0 and content.find(b"\xff\xda", end) < 0


ENDS: dict[str, Callable[[bytes], bool]] = {
    "JPEG": _jpeg_ends, "MPO": _jpeg_ends, "PNG": lambda content: b"IEND" in content,
    "GIF": lambda content: content.rstrip(b"\0").endswith(b";")}
"""By format: whether the last bytes of a file hold the end of the image."""


class _NoMeaning(ValueError):
    """Pixels that cannot be shown."""


def _require_meaning(image: Image.Image) -> None:
    """Raise _NoMeaning that names the kind of the pixels if their brightness is unknown."""
    if image.mode in PLAIN or _is_deep(image):
        return
    kinds = {"F": "floating-point numbers", "I": "32-bit numbers"}
    raise _NoMeaning(f"holds {kinds.get(image.mode, f'colours of the kind {image.mode}')} whose black and white levels "
                     "are unknown: save it with 8 or 16 bits")


def _is_deep(image: Image.Image) -> bool:
    return image.mode in SIXTEEN or (image.mode == "I" and image.format == "PNG")  # "I": Pillow 10


def _pixels(image: Image.Image) -> np.ndarray:
    """[h, w, 3] uint8 of a loaded and turned image."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return _copied(image)
    if _is_deep(image):
        return _of_sixteen_bits(image)
    if image.has_transparency_data:
        glass = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", glass.size, "white"), glass)
    return _copied(image.convert("RGB"))


def _copied(image: Image.Image) -> np.ndarray:
    """[h, w, 3] uint8 of an image in RGB. Of a whole image, PIL would make the bytes twice at a time."""
    pixels = np.empty((image.height, image.width, 3), dtype=np.uint8)
    for top in range(0, image.height, STRIP):
        bottom = min(top + STRIP, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


def _of_sixteen_bits(image: Image.Image) -> np.ndarray:
    levels = np.asarray(image).astype(np.uint16)
    grey = (levels >> 8).astype(np.uint8)
    if _tiff_tags(image).get(262) == 0:  # a TIFF in which 0 is white
        grey = 255 - grey
    if "transparency" in image.info:
        grey[levels == image.info["transparency"]] = 255
    return np.repeat(grey[..., None], 3, axis=2)


def _reason(error: Exception) -> str:
    """The fault of an image file, to follow its name."""
    text = "it is of no known image format" if isinstance(error, UnidentifiedImageError) else str(error)
    if isinstance(error, _NoMeaning):
        return text
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels: make it smaller"
    if isinstance(error, OSError) and error.strerror:  # it is a folder, or there is no permission
        return f"cannot be read: {error.strerror}"
    return f"cannot be read, or is cut off: {text.partition(chr(10))[0]}"
