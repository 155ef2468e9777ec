"""Some values of the rows of `metrics.jsonl`, without reading the rest of each row.

A row has a thousand values and more, of which learning curves show some. Finding these takes a seventh of the time of
parsing the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sgg.common.atomic import to_json
from sgg.common.metric_names import QUALITY
from sgg.common.run_log import ROWS, Row, parsed, require_keys

POSITION = ("epoch", "attempt")
NEW_LINE = b"\n"
_QUALITY = f'"{QUALITY}'.encode()


class RowReader:
    """Reads the values of some names from lines that `append_row` wrote. names: in their order in a line."""

    def __init__(self, names: Sequence[str]) -> None:
        self._parts = [(name, f"{to_json(name)}: ".encode(), int if name in POSITION else float) for name in names]

    def read(self, content: bytes, begin: int, end: int) -> Row | None:
        """The values, numbers or None, by name, in the line that is content[begin:end]. None where the line lacks a
        name, is cut off or is of another form."""
        if not (content.startswith(b"{", begin, end) and content.endswith(b"}", begin, end)):
            return None
        row: Row = {}
        for name, key, number in self._parts:
            if (found := content.find(key, begin, end)) < 0:
                return None
            found += len(key)
            begin = content.find(b",", found, end)
            if begin < 0:
                begin = end - 1
            text = content[found:begin]
            try:
                row[name] = number(text)
            except ValueError:
                if text != b"null" or name in POSITION:
                    return None
                row[name] = None
        return row


def epoch_columns(directory: Path, wanted: Callable[[str], bool]) -> tuple[list[Row], Row]:
    """The valid row of each epoch (`epoch_rows`), with epoch, attempt and the names for which `wanted` is true; and the
    whole row of the last epoch that was validated, {} where none was.

    Names that this last row lacks may be missing in all, but for those of feature quality. Raises ValueError that names
    file and line for a row of another form.
    """
    path = directory / ROWS
    content = path.read_bytes() if path.is_file() else b""
    readers: dict[bool, RowReader] = {}  # of rows with feature quality, which may be measured less often, and without
    latest: dict[int, tuple[Row, Row | slice]] = {}  # its values, and the whole row or where it stands
    for begin, end in _lines_from_the_last(content):
        with_quality = content.find(_QUALITY, begin, end) >= 0
        reader = readers.get(with_quality)
        row = None if reader is None else reader.read(content, begin, end)
        source: Row | slice = slice(begin, end)
        if row is None:
            for whole in parsed(content[begin:end]):
                require_keys(whole, f"{path}, line {content.count(NEW_LINE, 0, begin) + 1}", epoch=int, attempt=int)
                source, row = whole, {name: value for name, value in whole.items() if name in POSITION or wanted(name)}
                if _is_validated(whole):
                    readers.setdefault(with_quality, RowReader(list(row)))
        if row is not None:
            latest.setdefault(row["epoch"], (row, source))
    found = [latest[epoch] for epoch in sorted(latest)]
    whole_rows = (one for _, source in reversed(found) for one in (
        parsed(content[source]) if isinstance(source, slice) else [source]))
    return [row for row, _ in found], next((row for row in whole_rows if _is_validated(row)), {})


def _lines_from_the_last(content: bytes) -> Iterator[tuple[int, int]]:
    """Beginning and end of each line, the last line first. They are not copied, since they are large."""
    end = len(content)
    while end >= 0:
        begin = content.rfind(NEW_LINE, 0, end) + 1
        yield begin, end
        end = begin - 1


def _is_validated(row: Row) -> bool:
    return any(name.startswith("val/") for name in row)
