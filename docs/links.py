"""A hook of mkdocs: names of pages in the text, such as `docs/METRICS.md`, become links in the site."""

import re


def on_page_markdown(markdown: str, page: object, config: object, files: object) -> str:
    """The text of a page with these links. Pages in folders do not name others this way."""
    return re.sub(r"(?<!\[)`docs/(\w+\.md)`(?!\])", r"[`docs/\1`](\1)", markdown)
