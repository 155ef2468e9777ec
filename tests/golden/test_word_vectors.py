"""Looking names up among word vectors, against the reference system and those of two relation heads."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.data.word_vectors import glove_embeddings

GOLDEN = json.loads((Path(__file__).parent / "files" / "word_vectors.json").read_text())


@pytest.mark.parametrize(("words", "key"), [("mean", "avg_words_true"), ("longest", "avg_words_false")])
def test_names(tmp_path, words, key):
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"{word} {' '.join(map(repr, vector))}\n"
                            for word, vector in zip(GOLDEN["vocab"], GOLDEN["vectors"], strict=True)))
    classes, predicates = GOLDEN["names"][:7], GOLDEN["names"][7:]
    embeddings = glove_embeddings(path, classes, predicates, 4, words)
    rows = torch.cat([embeddings.classes, embeddings.predicates])
    assert embeddings.missing == tuple(name for name, vector in zip(GOLDEN["names"], GOLDEN[key], strict=True)
                                       if vector is None)
    for name, row, expected in zip(GOLDEN["names"], rows, GOLDEN[key], strict=True):
        if expected is not None:
            torch.testing.assert_close(row, torch.tensor(expected), rtol=1e-6, atol=1e-7, msg=name)


def table_of(head: str, tmp_path: Path) -> tuple[np.lib.npyio.NpzFile, Path]:
    """The golden arrays of a head, and its 26 words as a text file."""
    golden, path = np.load(Path(__file__).parent / "files" / f"{head}.npz"), tmp_path / "vectors.txt"
    rows = zip(golden["glove.words"].tolist(), golden["glove.table"].tolist(), strict=True)
    path.write_text("".join(f"{word} {' '.join(map(repr, vector))}\n" for word, vector in rows))
    return golden, path


def test_classes_of_motifs_have_the_vector_of_their_longest_word(tmp_path) -> None:
    """So the reference starts its label tables. The mean, with which ours start, is another for `park bench` and
    `traffic light` only (docs/SYSTEM.md section 8)."""
    golden, path = table_of("motifs", tmp_path)
    names, expected, random = (golden[f"glove.{key}"] for key in ("classes", "start_and_classes", "random_rows"))
    longest, mean = (glove_embeddings(path, names.tolist(), ["__background__"], 8, words)
                     for words in ("longest", "mean"))
    expected, random = expected[1:], random[1:]  # the first row is that of no label yet
    np.testing.assert_array_equal(longest.classes[~random], expected[~random])
    assert longest.missing == (*names[random].tolist(), "__background__")
    same = (longest.classes == mean.classes).all(1).tolist()
    assert [name for name, one in zip(names, same, strict=True) if not one] == ["park bench", "traffic light"]


def test_predicates_of_penet_have_the_mean_of_their_words(tmp_path) -> None:
    golden, path = table_of("penet", tmp_path)
    names, classes = golden["glove.predicates"].tolist(), golden["glove.classes"].tolist()
    found = glove_embeddings(path, classes, names, 8)
    random = golden["glove.rel_random_rows"]
    np.testing.assert_allclose(found.predicates[~random], golden["glove.rel_vectors"][~random], rtol=1e-6, atol=1e-7)
    assert found.missing[-random.sum():] == tuple(np.array(names)[random].tolist())
