"""Vectors of object classes and predicates, from a GloVe text file or from cooccurrence in the training graphs.

Perturbations compare classes by them, and the generator's embeddings may start from them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

NAMES_SHOWN = 5
COOCCURRENCE = "cooccurrence in the training graphs"


@dataclass(frozen=True, slots=True)
class ClassEmbeddings:
    """Word vectors. classes: [C, D] float32. predicates: [R, D]. source: their origin, as results name it. missing:
    names without a vector, always including the background; their rows are drawn from N(0, 1) with a fixed seed."""

    classes: Tensor
    predicates: Tensor
    source: str
    missing: tuple[str, ...]


def glove_embeddings(path: str | Path, classes: Sequence[str], predicates: Sequence[str], dim: int,
                     words: str = "mean") -> ClassEmbeddings:
    """Vectors from a GloVe text file of any size, with one word and `dim` numbers per line. Only the needed words are
    kept in memory.

    classes, predicates: names, background first. A name is split into words, in lower case. Its vector is the mean over
    the words that the file has (words="mean"), or the vector of the longest word (words="longest").

    Raises FileNotFoundError if there is no file; ValueError for a line with another number of values or with values
    that are not finite, or if the file has no class.
    """
    path = Path(path)
    if words not in ("mean", "longest"):
        raise ValueError(f'words must be "mean" or "longest", got {words!r}')
    if not path.is_file():
        raise FileNotFoundError(f"no word vectors at {path}: put a GloVe text file there (see "
                                "nlp.stanford.edu/projects/glove), or set embeddings.source=cooccurrence")
    parts = [name.lower().split() for name in (*classes, *predicates)]
    if words == "longest":
        parts = [[max(name, key=len)] for name in parts]
    vectors = _read_vectors(path, {word for name in parts for word in name}, dim)
    found = [[vectors[word] for word in name if word in vectors] for name in parts]
    if not any(found[1:len(classes)]):
        shown = ", ".join(classes[1:NAMES_SHOWN + 1])
        raise ValueError(f"{path} has no vector for any class ({shown}, ...): is it for another language?")
    rows = [np.mean(known, axis=0) if known else None for known in found]
    return _embeddings(rows, classes, predicates, dim, glove_source(path))


def glove_source(path: Path) -> str:
    """The name of a GloVe file's vectors in results."""
    return f"glove {path.name}"


def require_width(path: Path, dim: int) -> None:
    """Raise ValueError if the first line of the text file `path` is not a word with `dim` numbers."""
    with path.open(encoding="utf-8", errors="replace") as file:
        line = file.readline()
    fields = line.split()
    if len(fields) == dim + 1 or not fields:  # an empty file has no class, and `glove_embeddings` reports that
        return
    remedy = "is it a GloVe text file, with a word and its numbers on each line, separated by blanks or tabs?"
    if len(fields) == 2 and all(field.isdecimal() for field in fields):
        remedy = "it begins with a header like files of word2vec: delete that line"
    elif len(fields) > 2:
        remedy = f"use a file of {dim} dimensions, or set embeddings.dim={len(fields) - 1}"
    raise ValueError(f"{path}, line 1: expected a word and {dim} numbers, got {max(0, len(fields) - 1)}; {remedy}")


def cooccurrence_embeddings(triplets: Mapping[tuple[int, int, int], int], classes: Sequence[str],
                            predicates: Sequence[str], dim: int) -> ClassEmbeddings:
    """Vectors from training triplets {(subject class, predicate, object class): count}.

    A class is described by its positive pointwise mutual information with its contexts: (predicate, object) if it is
    the subject, (subject, predicate) if it is the object. A predicate is described by that with its pairs of classes.
    Context counts are smoothed by the power .75 (Levy, Goldberg and Dagan 2015). The vectors are the `dim` strongest
    principal directions, padded with zeros; at full width they keep every inner product. One factor scales all vectors
    to a mean squared entry of 1 / 6, about that of GloVe.

    Raises ValueError if there is no triplet.
    """
    if not triplets:
        raise ValueError("cooccurrence_embeddings needs training triplets, got none")
    subject, predicate, obj = np.array(list(triplets), dtype=np.int64).T
    counts = np.array(list(triplets.values()), dtype=np.float64)
    num_classes, num_predicates = len(classes), len(predicates)
    as_subject = predicate * num_classes + obj
    as_object = (num_predicates + predicate) * num_classes + subject
    of_classes = _principal(np.concatenate([subject, obj]), np.concatenate([as_subject, as_object]), np.tile(counts, 2),
                            num_classes, dim)
    of_predicates = _principal(predicate, subject * num_classes + obj, counts, num_predicates, dim)
    return _embeddings([*of_classes, *of_predicates], classes, predicates, dim, COOCCURRENCE)


def _read_vectors(path: Path, wanted: Collection[str], dim: int) -> dict[str, np.ndarray]:
    require_width(path, dim)
    vectors = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            word, *numbers = line.split(maxsplit=1) or [""]
            if word not in wanted and number > 1:
                continue
            fields = numbers[0].split() if numbers else []
            # Words of the larger files may contain blanks; such a line belongs to another word than its first.
            if len(fields) > dim and number > 1:
                continue
            if len(fields) != dim:
                raise ValueError(f"{path}, line {number}: expected a word and {dim} numbers, got {len(fields)}; is the "
                                 "file cut off?")
            try:
                vectors[word] = np.array(fields, dtype=np.float32)
            except ValueError:
                raise ValueError(f"{path}, line {number}: the vector of {word!r} is not all numbers") from None
            if not np.isfinite(vectors[word]).all():
                raise ValueError(f"{path}, line {number}: the vector of {word!r} is not finite")
    return vectors


def _principal(rows: np.ndarray, contexts: np.ndarray, counts: np.ndarray, num_rows: int,
               dim: int) -> list[np.ndarray | None]:
    """The vector of each row; None for a row without contexts."""
    _, columns = np.unique(contexts, return_inverse=True)
    row_totals = np.bincount(rows, counts, num_rows)
    column_totals = np.bincount(columns, counts) ** 0.75
    # A row and a column have only one triplet in common, so its count is their joint count.
    expected = row_totals[rows] * column_totals[columns] / column_totals.sum()
    information = np.log(counts / expected).clip(min=0)
    matrix = csr_array((information, (rows, columns)), shape=(num_rows, len(column_totals)))
    values, vectors = np.linalg.eigh((matrix @ matrix.T).toarray())
    strongest = np.argsort(-values, kind="stable")[:dim]
    principal = vectors[:, strongest] * np.sqrt(values[strongest].clip(min=0))
    principal *= np.sign(principal[np.abs(principal).argmax(axis=0), np.arange(principal.shape[1])])
    known = row_totals > 0
    principal *= np.sqrt(dim / 6 / np.maximum(np.square(principal[known]).sum(axis=1).mean(), 1e-12))
    padded = np.pad(principal, ((0, 0), (0, dim - principal.shape[1])))
    return [vector if has_context else None for vector, has_context in zip(padded, known, strict=True)]


def _embeddings(rows: Sequence[np.ndarray | None], classes: Sequence[str], predicates: Sequence[str], dim: int,
                source: str) -> ClassEmbeddings:
    """The vectors of classes and predicates. rows: of classes, then of predicates; None becomes a draw from N(0, 1)."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(len(rows), dim, generator=generator)
    for position, row in enumerate(rows):
        if row is not None:
            drawn[position] = torch.from_numpy(row)
    missing = [name for name, row in zip((*classes, *predicates), rows, strict=True) if row is None]
    return ClassEmbeddings(drawn[:len(classes)], drawn[len(classes):], source, tuple(missing))
