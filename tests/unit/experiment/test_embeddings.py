"""The provenance of word vectors, which perturbations and heads depend on."""

from pathlib import Path
from platform.results.basis import Basis

import pytest

from sgg.checkpoint import Checkpoint
from sgg.config import validate
from sgg.experiment.embeddings import vector_provenance


def facts(path: Path) -> dict:
    return vector_provenance(validate({"data": {"name": "toy"}, "embeddings": {"path": str(path)}}))


def test_vector_provenance_follows_the_content_of_the_file(tmp_path):
    path = tmp_path / "vectors.txt"
    without = facts(path)
    assert without == {"embeddings": "cooccurrence in the training graphs", "embeddings_hash": None}
    path.write_text("cat 1 2")
    first = facts(path)
    path.write_text("cat 2 1")
    second = facts(path)
    assert first["embeddings"] == second["embeddings"] == "glove vectors.txt"
    assert first["embeddings_hash"] != second["embeddings_hash"]
    data = {"description": "toy", "hash": "h"}
    assert len({Basis.of(data | one) for one in (without, first, second)}) == 3, "results of these are never pooled"
    assert f"embeddings: glove vectors.txt [{first['embeddings_hash'][:8]}]" in str(Basis.of(data | first))


GLOVE = {"embeddings": "glove a.txt", "embeddings_hash": "1" * 16}


@pytest.mark.parametrize("now", [
    GLOVE | {"embeddings_hash": "2" * 16},
    {"embeddings": "cooccurrence in the training graphs", "embeddings_hash": None}])
def test_require_vectors_refuses_other_vectors(tmp_path, now):
    saved = Checkpoint(tmp_path, {"data": {"hash": "d", **GLOVE}, "detector": "w"})
    saved.require_vectors(GLOVE)
    with pytest.raises(ValueError, match=r"other word vectors \(glove a.txt 1+, here .*\): put them back"):
        saved.require_vectors(now)
    with pytest.raises(ValueError, match="other word vectors"):
        Checkpoint(tmp_path, {"data": now, "detector": "w"}).require_vectors(GLOVE)


def test_require_vectors_does_not_compare_unknown_vectors(tmp_path):
    Checkpoint(tmp_path, {"data": {"hash": None}, "detector": "w"}).require_vectors(GLOVE)
    Checkpoint(tmp_path, {"data": {"hash": "d", "embeddings": "glove a.txt"}, "detector": "w"}).require_vectors(GLOVE)
