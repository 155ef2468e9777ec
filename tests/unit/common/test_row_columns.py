"""Some values of rows, beside the rows as the history reads them."""

import random

import pytest

from sgg.common.metric_names import QUALITY
from sgg.common.row_columns import RowReader, epoch_columns
from sgg.common.run_log import ROWS, History, epoch_rows

NAMES = ['loss', 'time', *(f"val/{mode}/{subset}/{metric}{adjusted}" for mode in ("sgcls", "predcls")
                           for subset in ("zs", "all") for metric in ("R@20", "R@200", "num_images")
                           for adjusted in ("", "/x0.5")), 'odd "name": 3, ', "ängstlich"]
OF_QUALITY = [f"{QUALITY}{sample}/node/{metric}" for sample in ("real", "generated") for metric in ("count", "frechet")]


def wanted(name: str) -> bool:
    return name in ("loss", "time", "ängstlich", 'odd "name": 3, ') or name.endswith(("all/R@20", "node/frechet"))


def expected(directory):
    """By parsing every row whole."""
    rows = epoch_rows(directory)
    validated = [row for row in rows if any(name.startswith("val/") for name in row)]
    return ([{name: value for name, value in row.items() if name in ("epoch", "attempt") or wanted(name)}
             for row in rows], validated[-1] if validated else {})


@pytest.mark.parametrize("seed", range(20))
def test_epoch_columns_are_those_of_the_whole_rows(tmp_path, seed) -> None:
    """Rows of several attempts, some cut off, some without validation, some with feature quality, with null, whole
    numbers and exponents."""
    draw = random.Random(seed)
    kinds = (lambda: draw.random(), lambda: draw.gauss(0, 1) * 1e-9, lambda: draw.randrange(9), lambda: float("nan"),
             lambda: 1e25)
    for _ in range(draw.randrange(1, 4)):
        history = History(tmp_path)
        for epoch in range(draw.randrange(1, 4), draw.randrange(4, 9)):
            validated = draw.random() < 0.6
            names = [*NAMES, *(OF_QUALITY if draw.random() < 0.5 else [])]
            history.append(epoch, {name: draw.choice(kinds)() for name in names
                                   if validated or not name.startswith("val/")})
        content = (tmp_path / ROWS).read_bytes()
        (tmp_path / ROWS).write_bytes(content[:len(content) - draw.choice((0, 1, 30))])
    assert epoch_columns(tmp_path, wanted) == expected(tmp_path)


def test_epoch_columns_without_rows(tmp_path) -> None:
    assert epoch_columns(tmp_path / "none", wanted) == ([], {})
    History(tmp_path).append(1, {"loss": 2.0})
    assert epoch_columns(tmp_path, wanted) == ([{"epoch": 1, "attempt": 1, "loss": 2.0}], {})


def test_epoch_columns_names_a_damaged_row(tmp_path) -> None:
    """The last row has the form that the reader looks for; the first one is parsed to say what is wrong with it."""
    (tmp_path / ROWS).write_text('{"epoch": "1", "attempt": 1, "val/all/R@20": 1}\n'
                                 '{"epoch": 2, "attempt": 1, "val/all/R@20": 0.5}\n')
    with pytest.raises(ValueError, match=r"metrics\.jsonl, line 1: epoch must be of type int, got '1'"):
        epoch_columns(tmp_path, wanted)


@pytest.mark.parametrize("line", [b'{"a": 1', b'{"a": 1, "b": 2.5', b'{"b": 2.5, "a": 1}', b'{"a": true, "b": 2.5}',
                                  b'{"a": "1", "b": 2.5}', b'{"c": "\\"a\\": 1", "b": 2.5}', b"", b"{}", b"\0\0"])
def test_reader_leaves_other_lines_to_the_parser(line) -> None:
    assert RowReader(["a", "b"]).read(line, 0, len(line)) is None


def test_reader_reads_numbers_and_null() -> None:
    first, second = b'{"a": 1, "c": "b", "b": -2.5e-3}', b'{"a": "x, \\"b\\": 7", "b": null}'
    content = first + b"\n" + second
    assert RowReader(["a", "b"]).read(content, 0, len(first)) == {"a": 1, "b": -0.0025}
    assert RowReader(["b"]).read(content, len(first) + 1, len(content)) == {"b": None}
