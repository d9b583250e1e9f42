"""Reading a page back: its tables, its tags, its pictures."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
from PIL import Image

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Reads a page strictly: a tag that closes another than the last one open is an error.

    `tables` holds rows of cells by caption, `attributes` (tag, {name: value}) in order, `texts` what lies outside tags.
    """

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.headings: list[tuple[int, str]] = []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attributes: list) -> None:
        assert len({name for name, _ in attributes}) == len(attributes), (tag, attributes)
        self.attributes.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append(("", []))
        if tag == "tr":
            self.tables[-1][1].append([])
        if tag in ("td", "th"):
            self.tables[-1][1][-1].append("")
        if tag in ("h1", "h2", "h3", "h4", "h5"):
            self.headings.append((int(tag[1]), ""))

    def handle_startendtag(self, tag: str, attributes: list) -> None:
        self.attributes.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)
        inside = self.open[-1] if self.open else ""
        if "caption" in self.open:
            self.tables[-1] = (self.tables[-1][0] + data, self.tables[-1][1])
        if inside in ("td", "th"):
            self.tables[-1][1][-1][-1] += data
        if inside in ("h1", "h2", "h3", "h4", "h5"):
            level, text = self.headings[-1]
            self.headings[-1] = level, text + data

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def table(self, caption: str, place: int = 0) -> list[list[str]]:
        """Return the rows of the place-th table whose caption begins like this, the header first."""
        return [rows for text, rows in self.tables if text.startswith(caption)][place]

    def images(self) -> list[dict]:
        return [attributes for tag, attributes in self.attributes if tag == "img"]


def pixels(source: str) -> np.ndarray:
    """Return the picture in a data URI as uint8 (h, w, 3)."""
    kind, _, code = source.partition(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB"))
