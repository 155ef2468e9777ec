"""What every file of results says of the data that it is of, so that a reader knows what may be compared."""

from __future__ import annotations

from typing import TypedDict

from .mirroring import Exchanged


class VectorProvenance(TypedDict):
    """embeddings: where word vectors are from, in words. embeddings_hash: of their file; None where they are counted in
    the training graphs."""

    embeddings: str
    embeddings_hash: str | None


class DataProvenance(TypedDict, total=False):
    """Facts of the data and of all else that figures depend on beside the settings. Files of earlier versions lack
    some.

    name, description, hash: of the data set; an imported checkpoint knows no hash. pictures: the hash of each part's
    pictures. mirrored: the predicates that mirroring changes, with their partners. embeddings, embeddings_hash: see
    `VectorProvenance`. embeddings_missing: names that have no word vector. plugins: the hash of each plugin, by name.
    detector, features: the hash of each part that the system stands on (`sgg.common.metric_names.PARTS`).
    """

    name: str
    description: str
    hash: str | None
    pictures: dict[str, str]
    mirrored: Exchanged
    embeddings: str
    embeddings_hash: str | None
    embeddings_missing: list[str]
    plugins: dict[str, str]
    detector: str
    features: str
