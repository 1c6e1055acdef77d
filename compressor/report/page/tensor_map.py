"""A map of a file: its tensors and the rest as boxes, whose areas are bytes and whose colors are types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from compressor.base.markup import Html, element
from compressor.base.sizes import format_size
from compressor.contracts.report_rows import LayerRow
from compressor.report.page.axes import drawing, figure, text
from compressor.report.page.squares import Box, squarified
from compressor.report.page.tensor_table import bits_of

REST: Final = "everything else in the file"
_MOST_BOXES: Final = 60  # smaller tensors share one
_NAMED: Final = 64  # pixels of width from where a box has its name
_CHARACTER: Final = 7.9  # pixels of a label's character, about
_KINDS: Final = {"wide-values": "32 bits and more", "half-values": "16 bits", "byte-values": "8 bits",
                 "few-values": "4 bits and fewer", "no-values": REST}  # fmt: skip


class Part(NamedTuple):
    """A box: a tensor, or several small ones, or what is in the file beside tensors."""

    name: str
    bytes: int
    tip: str
    class_: str


def parts_of(layers: Sequence[LayerRow], whole: int) -> list[Part]:
    """What a file of so many bytes is made of, the largest first: its tensors, and the rest."""
    layers = sorted(layers, key=lambda layer: -layer.bytes)
    parts = [
        Part(layer.name, layer.bytes,
             f"{layer.name}: {format_size(layer.bytes)}, {layer.parameters:,} values of {layer.dtype}, "
             f"{layer.zeros / max(1, layer.parameters):.1%} zeros", value_class(layer.dtype))
        for layer in layers[:_MOST_BOXES]
        if layer.bytes
    ]  # fmt: skip
    small = layers[_MOST_BOXES:]
    if small_bytes := sum(layer.bytes for layer in small):
        tip = f"{len(small)} smaller tensors: {format_size(small_bytes)}"
        parts.append(Part(f"{len(small)} smaller ones", small_bytes, tip, value_class(small[0].dtype)))
    rest = whole - sum(layer.bytes for layer in layers)
    if rest > 0:
        parts.append(Part(REST, rest, f"{REST}: {format_size(rest)}", "no-values"))
    return sorted(parts, key=lambda part: -part.bytes)


def tensor_map(title: str, parts: Sequence[Part], label: str, note: str, largest: int = 0) -> Html:
    """The map of a file.

    Args:
        title: what stands above it.
        parts: of the file.
        label: what it shows, for those who do not see it.
        note: what stands beside the title.
        largest: bytes of the file that fills the whole frame, if not this one.
    """
    total = sum(part.bytes for part in parts)

    def draw(width: float) -> Html:
        height = 300 if width > 400 else 260
        share = (total / max(1, largest or total)) ** 0.5
        frame = Box(0, 0, width * share, height * share)
        sizes = [part.bytes for part in parts]
        boxes = [_drawn_box(part, box) for part, box in zip(parts, squarified(sizes, frame), strict=True)]
        return drawing(width, height, label, boxes)

    return figure(title, draw, note)


def color_key(parts: Sequence[Part]) -> Html:
    """What the colors of these boxes mean."""
    held = {part.class_ for part in parts}
    key = [
        element("span", element("i", class_=f"swatch {class_}"), name)
        for class_, name in _KINDS.items()
        if class_ in held
    ]
    return element("p", key, class_="key")


def value_class(dtype: str) -> str:
    """The class of a tensor's color: its width in bits."""
    bits = bits_of(dtype)
    return (
        "wide-values" if bits >= 32 else "half-values" if bits >= 16 else "byte-values" if bits >= 8 else "few-values"
    )


def _drawn_box(part: Part, box: Box) -> Html:
    rect = element("rect", x=box.x + 0.5, y=box.y + 0.5, width=max(0.5, box.width - 1),
                   height=max(0.5, box.height - 1), class_=part.class_)  # fmt: skip
    inner, size = [element("title", part.tip), rect], format_size(part.bytes)
    if box.height > 22 and box.width > _NAMED:
        inner.append(text(box.x + 7, box.y + 18, shortened_to(part.name, box.width - 12), f"on-{part.class_}"))
        if box.height > 40 and len(size) * _CHARACTER < box.width - 12:
            inner.append(text(box.x + 7, box.y + 35, size, f"on-{part.class_}"))
    return element("g", inner)


def shortened_to(name: str, width: float) -> str:
    """A name as far as it fits into a width in pixels."""
    room = max(2, int(width / _CHARACTER))
    return name if len(name) <= room else f"{name[: room - 1]}…"
