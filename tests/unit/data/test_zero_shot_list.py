"""A list of zero-shot triplets in a file: what it holds, its hash, and its faults by line."""

from pathlib import Path

import pytest

from sgg.data.zero_shot_list import ZeroShotList, describe_list

CLASSES = ["__background__", "man", "horse", "hat, tall"]
PREDICATES = ["__background__", "riding", "near"]
HEAD = "subject,predicate,object\n"


def read(tmp_path: Path, content: str | bytes) -> ZeroShotList:
    path = tmp_path / "list.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return ZeroShotList.read(path, CLASSES, PREDICATES)


def test_read_takes_names_and_numbers_in_any_order_of_columns_and_lines(tmp_path: Path) -> None:
    by_name = read(tmp_path, HEAD + 'man,riding,horse\n"hat, tall",near,man\n')
    assert by_name.triplets == [(1, 1, 2), (3, 2, 1)]
    assert read(tmp_path, HEAD + "1,1,2\n3,2,1\n") == by_name
    other = read(tmp_path, "\ufeffsubject,object,predicate\r\n3,1,2\r\n\r\n 1 ,2,1")  # the order of the published file
    assert other.triplets == [(3, 2, 1), (1, 1, 2)]
    assert other.hash == by_name.hash != read(tmp_path, HEAD + "1,1,2\n3,2,2\n").hash


def test_provenance_counts_the_triplets_that_training_has(tmp_path: Path) -> None:
    listed = read(tmp_path, HEAD + "1,1,2\n3,2,1\n")
    found = listed.provenance({(1, 1, 2): 7, (1, 2, 2): 1})
    assert found == {"hash": listed.hash, "triplets": 2, "in_training": 1}
    assert describe_list(found) == f"2 triplets, 1 of them in train [{listed.hash}]"
    assert describe_list(None) == ""


@pytest.mark.parametrize(("content", "message"), [
    ("", r"the first line must name the columns subject,predicate,object, in any order, got ''; docs/PUBLISHED"),
    ("man,riding,horse\n", "the first line must name the columns .* got 'man,riding,horse'"),
    (b"PK\x03\x04\x80\xff", "list.csv is no text in CSV: .*; docs/PUBLISHED.md shows how to convert"),
    (HEAD, "list.csv has no triplet after its first line"),
    (HEAD + "man,riding,horse\nman,riding\n", r"must have 3 columns, but has line 3: 2 columns; put a name with a com"),
    (HEAD + "man,riding,horse\nman,ridin,hors\n",
     r"list.csv: line 3: predicate 'ridin' \(similar: 'riding'\), line 3: object 'hors' \(similar: 'horse'\); the data "
     "set has 3 classes and 2 predicates of other names"),
    (HEAD + "1,1,2\n4,1,0\n", "line 3: subject '4', line 3: object '0'; the data set has numbers 1 to 3 for classes "
     "and 1 to 2 for predicates"),
    (HEAD + "man,riding,1\n", "line 2: object '1'; the data set has 3 classes"),
    (HEAD + "__background__,riding,man\n", "line 2: subject '__background__'"),
    (HEAD + "x,riding,man\n" * 7, "line 6: subject 'x' and 2 more; "),
    (HEAD + "1,1,2\n3,2,1\n1,1,2\n", "line 4 repeats line 2; a list has each triplet once"),
])
def test_read_names_the_lines_of_faults(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)


def test_read_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.csv: no such list of triplets .*evaluation\.zero_shot_list"):
        ZeroShotList.read(tmp_path / "no.csv", CLASSES, PREDICATES)
