"""Histograms of the weights before and after, tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from compressor.base.markup import Html, compact, element
from compressor.contracts.report_rows import LayerRow, Report, SpreadRow
from compressor.report.page.axes import Scale, drawing, line, text

_SHOWN: Final = 6  # tensors that are not folded
_MOST: Final = 120  # tensors that are drawn
_WIDTH: Final = 260
_HEIGHT: Final = 96
_GROUND: Final = 78.0  # pixels down to which the bars reach


def weight_shapes(report: Report) -> list[Html]:
    """A histogram of each kernel of the last file, the largest first; one line where the report has none."""
    first, last = report.stages[0], report.stages[-1]
    words = (
        f"Values other than zero, as the model computes with them: filled after {last.id}, outlined after {first.id}. "
        "The heights of each outline are its own."
    )
    drawn = histograms(last.layers, {layer.name: layer for layer in first.layers})
    if not drawn:
        return [element("p", "The report has no histograms of weights.", class_="quiet")]
    return [element("p", words, class_="quiet"), *drawn]


def histograms(layers: Sequence[LayerRow], before: Mapping[str, LayerRow]) -> list[Html]:
    """A histogram of each kernel, the largest first and all but those folded; empty where none can be drawn.

    Args:
        layers: the tensors of a file.
        before: those of an earlier one by name, which are outlined.
    """
    kernels = sorted((row for row in layers if _is_drawn(row)), key=lambda row: -row.parameters)
    if not kernels:
        return []
    drawn = [_histogram(layer, before.get(layer.name)) for layer in kernels[:_MOST]]
    parts = [element("div", drawn[:_SHOWN], class_="many")]
    if others := drawn[_SHOWN:]:
        folded = element("summary", f"{len(others)} smaller ones")
        parts.append(element("details", folded, element("div", others, class_="many")))
    return parts


def _is_drawn(layer: LayerRow) -> bool:
    """Whether a tensor is a kernel, with a distribution that can be drawn."""
    return len(layer.shape) > 1 and layer.spread is not None and max(layer.spread.counts, default=0) > 0


def _histogram(layer: LayerRow, before: LayerRow | None) -> Html:
    old, new = before.spread if before and _is_drawn(before) else None, layer.spread
    spreads = [spread for spread in (old, new) if spread]
    low, high = min(spread.low for spread in spreads), max(spread.high for spread in spreads)
    if low == high:
        low, high = low - abs(low) * 0.1, high + abs(high) * 0.1
    x = Scale(low, high, 6, _WIDTH - 6)
    parts = [element("path", d=_outline(spread, x), class_=class_)
             for spread, class_ in ((new, "filled"), (old, "outlined")) if spread]  # fmt: skip
    parts.append(line(6, _GROUND, _WIDTH - 6, _GROUND, "axis"))
    if low < 0 < high:
        parts += [line(x(0), _GROUND, x(0), _GROUND + 4, "axis"), text(x(0), _GROUND + 16, "0", "tick", "middle")]
    parts += [text(6, _GROUND + 16, f"{low:.2g}", "tick"), text(_WIDTH - 6, _GROUND + 16, f"{high:.2g}", "tick", "end")]
    zeros = " to ".join(_zeros(row) for row in ([before] if before else []) + [layer])
    caption = element("figcaption", element("code", layer.name), element("span", f"zeros {zeros}"))
    label = f"Distribution of the weights of {layer.name}"
    return element("figure", caption, drawing(_WIDTH, _HEIGHT, label, parts))


def _zeros(layer: LayerRow) -> str:
    return f"{layer.zeros / max(1, layer.parameters):.0%}"


def _outline(spread: SpreadRow, x: Scale) -> str:
    """The bars of a histogram as one path, as high as there is room for."""
    most, count = max(spread.counts), len(spread.counts)
    if spread.low == spread.high:
        return f"M{compact(x(spread.low) - 1)},{_GROUND}V6h2V{_GROUND}Z"
    edges = [x(spread.low + (spread.high - spread.low) * index / count) for index in range(count + 1)]
    heights = [_GROUND - (_GROUND - 6) * number / most for number in spread.counts]
    steps = "".join(f"V{compact(height)}H{compact(edge)}" for height, edge in zip(heights, edges[1:], strict=True))
    return f"M{compact(edges[0])},{compact(_GROUND)}{steps}V{compact(_GROUND)}Z"
