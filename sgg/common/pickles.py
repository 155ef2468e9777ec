"""Read pickled weights of others without running code that a pickle may hold."""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

DAMAGE = (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError,
           OverflowError, struct.error, zipfile.BadZipFile)
"""Exceptions that reading a damaged pickle has raised."""


def read_pickle(path: Path | str, containers: Mapping[str, type] | None = None) -> dict[str, Any]:
    """The mapping that torch.save wrote, on the CPU. Tensors of a zip file stay on disk until they are used.

    containers: classes of ours that stand in for classes of the pickle, by their full names there. Their attributes are
    filled; none of their code runs.

    Raises FileNotFoundError, or ValueError if the file is damaged, is no mapping, or holds objects other than tensors
    and plain values: these could run code when they are read.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing, or is no file")
    try:
        allowed: list[Any] = [(stand_in, name) for name, stand_in in (containers or {}).items()]
        with torch.serialization.safe_globals(allowed):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        foreign = re.search(r"GLOBAL ([\w.]+)", str(error))
        if foreign:
            raise ValueError(f"{path} holds {foreign[1]}, which is neither a tensor nor a plain value and could run "
                             "code when it is read: refused") from None
        raise ValueError(f"{path} is not a file of torch weights, or is damaged") from None
    except DAMAGE as error:
        raise ValueError(f"{path} is not a file of torch weights, or is cut off or damaged: "
                         f"{' '.join(str(error).split())[:200]}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a mapping, but holds a {type(content).__name__}")
    return content


def require_weights(content: Any, what: str) -> dict[str, Tensor]:
    """Return `content` if it maps names to plain tensors. Raises ValueError that begins with `what` otherwise."""
    if not isinstance(content, dict) or not content:
        raise ValueError(f"{what} must be a mapping of names to tensors, got {type(content).__name__}")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError(f"{what} must map names to tensors, but {name!r} is a {type(value).__name__}")
        if value.is_meta or value.is_quantized or value.layout is not torch.strided:
            kind = "meta" if value.is_meta else "quantized" if value.is_quantized else value.layout
            raise ValueError(f"{what} must hold plain tensors, but {name!r} is a {kind} one")
    return content
