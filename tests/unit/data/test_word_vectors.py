import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

from sgg.data.word_vectors import cooccurrence_embeddings, glove_embeddings

CLASSES = ["__background__", "man", "traffic light", "qqq"]
PREDICATES = ["__background__", "on back of"]
GLOVE = "man 1 2 3\ntraffic 0 0 4\nlight 2 2 0\non 1 1 1\n"


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(GLOVE)
    return path


def test_glove_embeddings_averages_words_and_reports_missing_ones(glove):
    embeddings = glove_embeddings(glove, CLASSES, PREDICATES, 3)
    assert embeddings.classes[1].tolist() == [1, 2, 3]
    assert embeddings.classes[2].tolist() == [1, 1, 2]
    assert embeddings.predicates[1].tolist() == [1, 1, 1], "the words without a vector are left out"
    assert embeddings.missing == ("__background__", "qqq", "__background__")
    assert embeddings.source == "glove vectors.txt"


def test_glove_embeddings_draws_missing_rows_with_a_fixed_seed(glove):
    first, again = (glove_embeddings(glove, CLASSES, PREDICATES, 3).classes for _ in range(2))
    assert torch.equal(first, again)
    assert first[[0, 3]].abs().min() > 0


def test_glove_embeddings_accepts_tabs(glove):
    glove.write_text(GLOVE.replace(" ", "\t"))
    assert glove_embeddings(glove, CLASSES, PREDICATES, 3).classes[2].tolist() == [1, 1, 2]


def test_glove_embeddings_skips_words_with_blanks(glove):
    glove.write_text(GLOVE + "man overboard 7 7 7\n. . . 1 2 3\n")
    assert glove_embeddings(glove, CLASSES, PREDICATES, 3).classes[1].tolist() == [1, 2, 3]


@pytest.mark.parametrize(("text", "dim", "message"), [
    (GLOVE, 5, "line 1: expected a word and 5 numbers, got 3; use a file of 5 dimensions, or set embeddings.dim=3"),
    (GLOVE, 2, "line 1: expected a word and 2 numbers, got 3"),
    ("400000 3\n" + GLOVE, 3, "line 1: expected a word and 3 numbers, got 1; it begins with a header like files"),
    ("nothing\n", 3, "line 1: expected a word and 3 numbers, got 0; is it a GloVe text file"),
    (GLOVE + "light 1 2", 3, r"line 5: expected a word and 3 numbers, got 2; is the file cut off\?"),
    ("man 1 nan 3\n", 3, "line 1: the vector of 'man' is not finite"),
    ("man 1 x 3\n", 3, "line 1: the vector of 'man' is not all numbers"),
    ("homme 1 2 3\n", 3, r"has no vector for any class \(man, traffic light, qqq, ...\)"),
    ("", 3, "has no vector for any class"),
])
def test_glove_embeddings_refuses_other_files(glove, text, dim, message):
    glove.write_text(text)
    with pytest.raises(ValueError, match=message):
        glove_embeddings(glove, CLASSES, PREDICATES, dim)


def test_glove_embeddings_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no word vectors at .*none.txt.*embeddings.source=cooccurrence"):
        glove_embeddings(tmp_path / "none.txt", CLASSES, PREDICATES, 3)


def test_glove_embeddings_refuses_an_unknown_way_of_joining_words(glove):
    with pytest.raises(ValueError, match='words must be "mean" or "longest"'):
        glove_embeddings(glove, CLASSES, PREDICATES, 3, words="sum")


NAMES = ["__background__", "man", "woman", "horse", "cup", "ghost"]
MAN, WOMAN, HORSE, CUP, _GHOST = range(1, 6)
TRIPLETS = {(MAN, 1, HORSE): 4, (WOMAN, 1, HORSE): 4, (MAN, 2, CUP): 4, (WOMAN, 2, CUP): 4, (CUP, 3, HORSE): 1}


def test_cooccurrence_embeddings_of_similar_contexts_are_near():
    """Man and woman stand in the same contexts equally often: one vector. Horse and cup share no context."""
    embeddings = cooccurrence_embeddings(TRIPLETS, NAMES, ["_", "rides", "holds", "on"], 16)
    assert embeddings.classes.shape == (6, 16)
    assert embeddings.predicates.shape == (4, 16)
    torch.testing.assert_close(embeddings.classes[MAN], embeddings.classes[WOMAN])
    assert cosine_similarity(embeddings.classes[HORSE], embeddings.classes[CUP], 0).abs() < 1e-5
    assert embeddings.missing == ("__background__", "ghost", "_")
    assert embeddings.source == "cooccurrence in the training graphs"
    again = cooccurrence_embeddings(TRIPLETS, NAMES, ["_", "rides", "holds", "on"], 16)
    assert torch.equal(embeddings.classes, again.classes)


def test_cooccurrence_embeddings_keep_inner_products():
    """The formula written out: log(count of row and context / expected), expected with contexts smoothed by .75."""
    rng = np.random.default_rng(0)
    triplets = {tuple(map(int, rng.integers(1, [7, 4, 7]))): int(rng.integers(1, 9)) for _ in range(60)}
    counts = {}
    for (s, p, o), count in triplets.items():
        counts[s, ("subject of", p, o)] = counts[o, ("object of", s, p)] = count
    contexts = sorted({context for _, context in counts}, key=str)
    row_totals = {row: sum(n for (r, _), n in counts.items() if r == row) for row in range(1, 7)}
    smoothed = {c: sum(n for (_, context), n in counts.items() if context == c) ** 0.75 for c in contexts}
    matrix = np.zeros((6, len(contexts)))
    for (row, context), count in counts.items():
        expected = row_totals[row] * smoothed[context] / sum(smoothed.values())
        matrix[row - 1, contexts.index(context)] = max(0.0, np.log(count / expected))
    gram = matrix @ matrix.T
    vectors = cooccurrence_embeddings(triplets, list("_abcdef"), list("_xyz"), 12).classes[1:].double().numpy()
    np.testing.assert_allclose(vectors @ vectors.T, gram * 12 / 6 / np.diag(gram).mean(), atol=1e-4)


def test_cooccurrence_embeddings_need_triplets():
    with pytest.raises(ValueError, match="needs training triplets"):
        cooccurrence_embeddings({}, NAMES, ["_"], 4)
