"""A page of entries with pictures, that is written entry by entry and can be filtered in the browser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

from PIL import Image

from sgg.common.atomic import nearest_existing, replaced, require_writable

from .markup import Markup, definitions, joined, tag

FOLDER = Path(__file__).parent
INDEX, PICTURES = "index.html", "pictures"
GENERATOR = "sgg.show"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' file: data:"
"""Loads nothing but the pictures beside the page."""


def require_page_folder(out: Path) -> None:
    """Raise an error unless a page can be written into the folder `out`: OSError where it is not writable,
    FileExistsError where it is a file, or has an `index.html` that is not one of ours."""
    nearest = nearest_existing(out)
    if not nearest.is_dir():
        raise FileExistsError(f"--out {out}: {nearest} is a file; name a folder")
    require_writable(out)
    index = out / INDEX
    if index.exists() and f'content="{GENERATOR}"' not in index.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise FileExistsError(f"--out {out}: its {INDEX} is not a page of {GENERATOR}; name another folder")


class Page:
    """Writes DIR/index.html, and pictures under DIR/pictures; use it as a context manager.

    The page appears when the context ends without an error. A page of an earlier run is removed at the beginning,
    since its pictures are replaced one by one. Entries are written as they come, so memory does not grow with them.

    title, lead: what the page shows. facts: terms and texts below it. intro: markup before the entries. placeholder: an
    example of what to filter by; None: no filter. toggles: a label for each mark of entries that a check box shows
    alone.

    Raises as `require_page_folder`.
    """

    def __init__(self, out: Path, title: str, lead: str, facts: Sequence[tuple[str, str]] = (),
                 intro: Sequence[Markup] = (), placeholder: str | None = None,
                 toggles: Mapping[str, str] | None = None) -> None:
        self.out, self.path = out, out / INDEX
        self._head = _head(title, lead, facts, intro)
        self._controls = None if placeholder is None else _controls(placeholder, toggles or {})
        self._entries = 0

    def __enter__(self) -> Page:
        require_page_folder(self.out)
        (self.out / PICTURES).mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        with ExitStack() as stack:
            temporary = stack.enter_context(replaced(self.path))
            # A name of a file may hold what UTF-8 cannot express; it becomes a reference.
            self._file: IO[str] = stack.enter_context(
                temporary.open("w", encoding="utf-8", errors="xmlcharrefreplace", newline="\n"))
            self._file.write(self._head)
            self._file.write(f"{self._controls or ''}<main>\n")
            self._opened = stack.pop_all()
        return self

    def add(self, title: str, *body: str | None, words: Iterable[str] = (), marks: Iterable[str] = ()) -> None:
        """Append an entry. title, body: texts, which are escaped, or markup. words: texts by which it is found. marks:
        those of `toggles` that it has."""
        self._entries += 1
        self._file.write(tag("article", tag("h2", title), *body, id=f"entry-{self._entries}",
                             data_words=searchable(words), data_marks=" ".join(marks)) + "\n")

    def picture(self, file: str, image: Image.Image, alt: str, caption: str | None = None,
                kind: str | None = None) -> Markup:
        """Write a picture, and return a figure with it. file: its name, which ends with .png. caption, kind: as in
        `figure`. Raises OSError that names the file."""
        with replaced(self.out / PICTURES / file) as temporary:
            image.save(temporary, "PNG", compress_level=6)
        return figure(f"{PICTURES}/{file}", image.size, alt, caption, kind)

    def close_with(self, text: str) -> None:
        """Append a text, or markup, below all entries."""
        self._file.write(tag("p", text, class_="note"))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is not None:
            self._opened.__exit__(kind, error, trace)
            return
        with self._opened:
            script = Markup((FOLDER / "filter.js").read_text(encoding="utf-8"))
            self._file.write(f"</main>\n{tag('script', script) if self._controls else ''}\n</body>\n</html>\n")


def figure(address: str, size: tuple[int, int], alt: str, caption: str | None = None,
           kind: str | None = None) -> Markup:
    """A picture that opens alone when it is clicked. size: width and height in pixels. caption: text or markup. kind: a
    class of the style sheet; "graph": a phone shows it larger than its window, and scrolls it."""
    image = tag("img", src=address, width=size[0], height=size[1], alt=alt, loading="lazy", decoding="async")
    return tag("figure", tag("a", image, href=address), None if caption is None else tag("figcaption", caption),
               class_=kind)


def searchable(words: Iterable[str]) -> str:
    """Texts as the filter reads them: in lower case, with one blank before each word; a name with other signs also by
    its parts."""
    found: dict[str, None] = {}
    for text in words:
        for word in text.lower().split():
            found |= dict.fromkeys([word, *re.findall(r"\w+", word)])
    return " ".join(found)


def _head(title: str, lead: str, facts: Sequence[tuple[str, str]], intro: Sequence[Markup]) -> str:
    style = Markup((FOLDER / "style.css").read_text(encoding="utf-8"))
    return "".join([
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n", tag("meta", charset="utf-8"),
        tag("meta", name="generator", content=GENERATOR),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY), tag("title", title),
        tag("link", rel="icon", href="data:,"), tag("style", style), "\n</head>\n<body>\n",
        tag("header", tag("h1", title), tag("p", lead, class_="lead"), definitions(facts) if facts else None,
            joined(intro)), "\n"])


def _controls(placeholder: str, toggles: Mapping[str, str]) -> Markup:
    boxes = [tag("label", tag("input", type="checkbox", data_mark=mark), f" {label}", class_="check")
             for mark, label in toggles.items()]
    return tag("form", tag("label", "Filter", tag("input", id="filter", type="search", placeholder=placeholder,
                                                  autocomplete="off", spellcheck="false"), class_="wide"),
               *boxes, tag("span", id="count", role="status"), class_="controls", role="search")
