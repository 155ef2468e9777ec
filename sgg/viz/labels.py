"""Text in drawings: fonts, widths, and colours that people with any colour vision tell apart."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib
from PIL import ImageFont

COLOURS = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0), (240, 228, 66),
           (90, 90, 90))
"""The colours of Okabe and Ito (2008), with a grey for their black."""
DARK, LIGHT, GREY = (20, 20, 20), (255, 255, 255), (110, 110, 110)
LONGEST = 24
"""Characters of a name that are drawn."""
TEXT = 15
"""The size of a text in a drawing, in pixels."""
HEIGHT = TEXT + 9
"""The height of the rectangle around a text."""
GAP = 16
"""Free pixels at the edge of a drawing."""


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The font of drawings, which comes with matplotlib."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"DejaVuSans{'-Bold' if bold else ''}.ttf"), size)


def colour_of(number: int) -> tuple[int, int, int]:
    """The colour of an object; after eight they begin again, so objects bear numbers, too."""
    return COLOURS[number % len(COLOURS)]


def line_colour(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """A colour for thin lines on white: a light one becomes darker."""
    red, green, blue = colour
    return (red * 3 // 4, green * 3 // 4, blue * 3 // 5) if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else colour


def ink_on(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Dark or light, whichever is read better on a colour."""
    red, green, blue = colour
    return DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 120 else LIGHT


def shortened(text: str, longest: int = LONGEST) -> str:
    """A text in one line, with its middle left out if it is long."""
    line = "".join(character if character.isprintable() else " " for character in text)
    half = (longest - 1) // 2
    return line if len(line) <= longest else f"{line[:half]}…{line[-half:]}"


def text_width(text: str, size: int, bold: bool = False) -> int:
    """Pixels of a text in one line."""
    return round(font(size, bold).getlength(text) + 0.5)
