"""The word vectors of a config: their choice and their provenance."""

from __future__ import annotations

from sgg.common.hashing import file_hash
from sgg.config import Config
from sgg.data import DataSet
from sgg.data.provenance import VectorProvenance
from sgg.data.word_vectors import COOCCURRENCE, ClassEmbeddings, cooccurrence_embeddings, glove_embeddings, glove_source


def word_vectors(config: Config, data: DataSet) -> ClassEmbeddings:
    """Vectors of classes and predicates: GloVe if its file is there, else vectors counted in the training graphs."""
    dim = config.embeddings.dim
    if has_glove(config):
        return glove_embeddings(config.glove, data.classes, data.predicates, dim)
    return cooccurrence_embeddings(data.triplets("train").as_dict(), data.classes, data.predicates, dim)


def vector_provenance(config: Config) -> VectorProvenance:
    """The source of the word vectors and the hash of their file. Vectors of the training graphs have no hash, because
    they follow from the data."""
    if has_glove(config):
        return {"embeddings": glove_source(config.glove), "embeddings_hash": file_hash(config.glove)}
    return {"embeddings": COOCCURRENCE, "embeddings_hash": None}


def has_glove(config: Config) -> bool:
    """Whether the vectors are those of a GloVe file; else they are counted in the training graphs."""
    source = config.embeddings.source
    return source == "glove" or (source == "auto" and config.glove.is_file())
