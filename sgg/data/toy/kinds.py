"""The object classes of the toy genome.

Most classes come in pairs of one *kind*, which have the same shape and differ only in their look (see `thing.py`).
"""

from __future__ import annotations

KINDS: dict[str, tuple[str, ...]] = {
    "person": ("man", "woman"),
    "pet": ("dog", "cat"),
    "mount": ("horse", "cow"),
    "vehicle": ("bike", "motorbike"),
    "furniture": ("table", "bench"),
    "vessel": ("cup", "mug"),
    "round": ("ball", "apple"),
    "headgear": ("hat", "helmet"),
    "container": ("basket", "bucket"),
    "flyer": ("bird", "bat"),
    "plate": ("sign", "clock"),
    "tree": ("tree",),
    "house": ("house",),
}
"""The classes of each kind. The two classes of a pair look alike."""

CLASSES: tuple[str, ...] = ("__background__", *(name for names in KINDS.values() for name in names))
KIND_OF: dict[int, str] = {CLASSES.index(name): kind for kind, names in KINDS.items() for name in names}
LABELS: dict[str, tuple[int, ...]] = {kind: tuple(CLASSES.index(name) for name in names)
                                      for kind, names in KINDS.items()}
