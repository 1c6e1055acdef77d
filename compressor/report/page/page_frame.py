"""The frame of a page: its head with the policy, the links to its sections, and the script that sorts its tables."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib.resources import files
from typing import Final, NamedTuple

from compressor.base.markup import Content, Html, element

_STYLE: Final = "page.css"
_SCRIPT: Final = "page.js"


class Section(NamedTuple):
    """A section of a page: its anchor, the words of the link to it, its heading, and what is in it."""

    id: str
    link: str
    title: str
    content: Content


def framed(title: str, description: str, header: Content, sections: Iterable[Section], footer: Content) -> str:
    """The whole page, which loads nothing and runs no script but its own.

    Args:
        title: of the window.
        description: the page in one sentence, for whatever lists pages.
        header: what stands above the sections.
        sections: in their order.
        footer: what it was made from.
    """
    style, script = (Html((files("compressor.report.page") / name).read_text("utf-8")) for name in (_STYLE, _SCRIPT))
    sections = list(sections)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="description", content=description),
        element("title", title),
        element("style", style),
    )
    themes = element("button", "theme: system", id="theme", type="button", hidden=True)
    links = element("ul", [element("li", element("a", part.link, href=f"#{part.id}")) for part in sections])
    body = element(
        "body",
        element("a", "skip to the content", href="#content", class_="skip"),
        element("nav", links, themes, aria_label="sections"),
        element("main", element("header", header), map(_drawn, sections), id="content"),
        element("footer", element("p", footer)),
        element("script", script),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _drawn(section: Section) -> Html:
    title = element("h2", section.title, id=f"{section.id}-title")
    return element("section", title, section.content, id=section.id, aria_labelledby=f"{section.id}-title")


def _policy(style: str, script: str) -> str:
    """The policy by which a browser loads nothing from elsewhere, and runs this script alone."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
