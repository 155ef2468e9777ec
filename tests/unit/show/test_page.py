"""Pages: every text is shown as it is, and a page is whole or not there."""

from html.parser import HTMLParser

import pytest
from PIL import Image

from sgg.show.markup import bar, joined, name, table, tag
from sgg.show.page import Page, require_page_folder, searchable

NASTY = ("<script>alert(1)</script>", '"quoted" \'twice\'', "a & b", "\N{CAT FACE}", "x" * 200, "&amp;", "]]>", "-->",
         "\u202eturned")


class Read(HTMLParser):
    """What a browser would see: texts, and the elements with their attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.texts, self.elements = [], []
        self.feed(markup)

    def handle_starttag(self, element, attributes) -> None:
        self.elements.append((element, dict(attributes)))

    def handle_data(self, text) -> None:
        self.texts.append(text)


@pytest.mark.parametrize("text", NASTY)
def test_tag_shows_texts_as_they_are(text) -> None:
    seen = Read(tag("p", text, tag("b", text), title=text, hidden=True, lang=None))
    assert "".join(seen.texts) == text * 2
    assert seen.elements == [("p", {"title": text, "hidden": None}), ("b", {})]


def test_tag_leaves_out_what_is_none() -> None:
    assert tag("p", None, "a", class_="b", data_words="c d", open=False) == '<p class="b" data-words="c d">a</p>'
    assert tag("meta", name="x") == '<meta name="x">'


def test_table_and_bar_escape_too() -> None:
    seen = Read(table(["<a>"], [["<b>"], [joined(["<c>", bar(2.0)])]], numbers=[0]))
    assert "".join(seen.texts) == "<a><b><c>"
    assert ("span", {"class": "fill", "style": "width:100.0%"}) in seen.elements


def test_name_keeps_direction_to_itself() -> None:
    assert name("\u202ea") == "<bdi>\u202ea</bdi>"
    assert name("a" * 41) == f"<bdi title=\"{'a' * 41}\">{'a' * 41}</bdi>"


def test_searchable_has_each_word_and_its_parts_once() -> None:
    assert searchable(["Traffic-light on", "on", "a<b"]) == "traffic-light traffic light on a<b a b"


def write(out, title="t") -> None:
    with Page(out, title, "lead", [("term", "<fact>")], placeholder="type", toggles={"zs": "zero-shot"}) as page:
        figure = page.picture("a.png", Image.new("RGB", (30, 20)), '"alt"', "<caption>")
        page.add("<title>", figure, words=["<Word>"], marks=["zs"])
        page.close_with("<end>")


def test_page_holds_its_entries(tmp_path) -> None:
    write(tmp_path / "new" / "out")
    text = (tmp_path / "new" / "out" / "index.html").read_text()
    seen = Read(text)
    for word in ("<fact>", "<title>", "<caption>", "<end>"):
        assert word in seen.texts
    articles = [attributes for element, attributes in seen.elements if element == "article"]
    assert articles == [{"id": "entry-1", "data-words": "<word> word", "data-marks": "zs"}]
    (image,) = [attributes for element, attributes in seen.elements if element == "img"]
    assert image["src"] == "pictures/a.png"
    assert (image["width"], image["height"], image["alt"]) == ("30", "20", '"alt"')
    assert "http://" not in text
    assert "https://" not in text
    with Image.open(tmp_path / "new" / "out" / "pictures" / "a.png") as picture:
        assert picture.size == (30, 20)


def test_page_that_fails_is_not_there(tmp_path) -> None:
    """Nor is the one of an earlier run, whose pictures may be replaced already."""
    write(tmp_path)
    with pytest.raises(ZeroDivisionError), Page(tmp_path, "t", "lead") as page:
        page.add(f"{1 / 0}")
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_page_writes_what_utf8_cannot(tmp_path) -> None:
    """The name of a file that is no UTF-8 has lone surrogates."""
    write(tmp_path, "b\udce9b")
    assert "b&#56553;b" in (tmp_path / "index.html").read_text()


def test_require_page_folder_leaves_others_pages_alone(tmp_path) -> None:
    (tmp_path / "index.html").write_text("<h1>my thesis</h1>")
    with pytest.raises(FileExistsError, match=r"index\.html is not a page of sgg\.show; name another folder"):
        require_page_folder(tmp_path)
    with pytest.raises(FileExistsError, match="is a file; name a folder"):
        require_page_folder(tmp_path / "index.html")
    with pytest.raises(FileExistsError, match="is a file; name a folder"):
        require_page_folder(tmp_path / "index.html" / "below")
    assert (tmp_path / "index.html").read_text() == "<h1>my thesis</h1>"
