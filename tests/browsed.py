"""What a browser would make of a page: its elements, and everything in it that could load or run something."""

import re
from html.parser import HTMLParser
from typing import Any

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&\x1b[31m</pre></title>\u202egnp"
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "div", "span", "b", "p", "small", "a", "pre"),
    *("svg", "text", "tspan", "rect", "path", "line", "circle", "polyline", "table", "tr", "th", "td", "ul", "li"),
    *("details", "summary", "dl", "dt", "dd"),
}
_LOADS = re.compile(r"<(script|img|iframe|link|object|embed)", re.I)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.style = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.style += data


def check_harmless(text: str) -> list[str]:
    """Nothing in the page runs or loads, whatever it was given; the links that are in it."""
    page = _Page()
    page.feed(text)
    assert not _LOADS.search(text) and "\x1b" not in text and "\u202e" not in text
    assert page.tags <= TAGS, page.tags - TAGS
    names = {name for name, _ in page.attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "srcset", "action", "style")]
    assert "default-src 'none'" in text and 'name="viewport"' in text
    # A stranger's text may spell an address; nothing that a browser follows by itself may.
    followed = [page.style, *(str(value) for _, value in page.attributes)]
    assert page.style and not [each for each in followed if re.search(r"https?://|@import|url\(", each)]
    return [value for name, value in page.attributes if name == "href"]
