"""Makes HTML and SVG elements; all text in them passes the gate, so that none of it can become markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from compressor.base.outgoing import html

_VOID: Final = {"br", "img", "input", "link", "meta"}
_EMPTY: Final = {"circle", "line", "path", "rect"}  # of SVG, which may close themselves


class Html(str):
    """Markup that is made already; any other text is escaped where it goes into an element."""


Content: TypeAlias = "str | int | Iterable[Content] | None"
Attribute: TypeAlias = "str | int | float | bool | None"


def element(tag: str, *content: Content, **attributes: Attribute) -> Html:
    """An element.

    Args:
        tag: its name.
        content: text, which is escaped, elements, and lists of these; None is nothing.
        attributes: `class_` stands for `class`, and `data_sort` for `data-sort`. True is an attribute without a value;
            None and False leave it out.
    """
    opened = tag + "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{opened}>")
    inner = "".join(map(fragment, content))
    return Html(f"<{opened}/>" if tag in _EMPTY and not inner else f"<{opened}>{inner}</{tag}>")


def fragment(content: Content) -> Html:
    """Content as markup."""
    if content is None:
        return Html()
    if isinstance(content, Html):
        return content
    if isinstance(content, str | int):
        return Html(html(str(content)))
    return Html("".join(map(fragment, content)))


def compact(number: float) -> str:
    """A coordinate with as many decimals as a screen can show."""
    return f"{number:.1f}".removesuffix(".0")


def table(
    head: Iterable[Content], rows: Iterable[Iterable[Content]], caption: str, numbers: Iterable[int] = (), **more: str
) -> Html:
    """A table that scrolls sideways where it is wider than the page.

    Args:
        head: the headings.
        rows: the cells; the first of each row is its heading.
        caption: what it shows, for those who do not see it.
        numbers: the columns of figures, which are set flush right.
        more: attributes of the table.
    """
    right = set(numbers)

    def side(index: int) -> str | None:
        return "number" if index in right else None

    cells = [element("th", cell, scope="col", class_=side(index)) for index, cell in enumerate(head)]
    lines = [
        element("tr", [element("td" if index else "th", cell, scope=None if index else "row", class_=side(index))
                       for index, cell in enumerate(row)])
        for row in rows
    ]  # fmt: skip
    made = element(
        "table", element("caption", caption), element("thead", element("tr", cells)), element("tbody", lines), **more
    )
    return element("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    spelled = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {spelled}"
    text = compact(value) if isinstance(value, float) else str(value)
    return f' {spelled}="{html(text)}"'
