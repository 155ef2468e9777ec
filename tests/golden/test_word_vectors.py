"""Looking names up among word vectors, against the reference system."""

import json
from pathlib import Path

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
