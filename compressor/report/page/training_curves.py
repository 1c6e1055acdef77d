"""Training curves: each figure of a training, epoch by epoch, beside the same of the validation split."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from compressor.base.markup import Html, element
from compressor.contracts.report_rows import Report
from compressor.report.page.axes import Scale, drawing, frame, path

_WIDTH: Final = 340
_MOST: Final = 6  # figures of a training
_VALIDATION: Final = "val_"


def training_curves(report: Report) -> list[Html]:
    """The plots of every training, step by step; one line where nothing was trained, or the report has no curves."""
    parts = []
    for stage in report.stages:
        for number, epochs in enumerate(stage.curves):
            title = stage.id if len(stage.curves) == 1 else f"{stage.id}, training {number + 1} of {len(stage.curves)}"
            if epochs:
                parts += [element("h3", title), element("div", _plots(epochs), class_="many large")]
    key = element("p", element("span", element("i", class_="stroke"), "training"),
                  element("span", element("i", class_="stroke dashed"), "validation"), class_="key")  # fmt: skip
    return [*parts, key] if parts else [element("p", "The report has no training curves.", class_="quiet")]


def _plots(epochs: Sequence[Mapping[str, float]]) -> list[Html]:
    names = list(dict.fromkeys(name.removeprefix(_VALIDATION) for name in epochs[0]))
    return [_plot(name, epochs) for name in names[:_MOST]]


def _plot(name: str, epochs: Sequence[Mapping[str, float]]) -> Html:
    lines = {
        key: [
            (epoch + 1, figures[key])
            for epoch, figures in enumerate(epochs)
            if math.isfinite(figures.get(key, math.inf))
        ]
        for key in (name, f"{_VALIDATION}{name}")
    }
    values = [value for points in lines.values() for _, value in points] or [0.0]
    low, high = min(values), max(values)
    pad = (high - low) * 0.06 or abs(high) * 0.01 or 1e-6
    x, y = Scale(1, max(2, len(epochs)), 56, _WIDTH - 14), Scale(low - pad, high + pad, 150, 28)
    parts = frame(x, y, lambda value: f"{value:g}" if value == int(value) else "", lambda value: f"{value:.4g}",
                  "epoch", name, 4)  # fmt: skip
    for key, points in lines.items():
        dashed = " dashed" if key != name else ""
        places = [(x(epoch), y(value)) for epoch, value in points]
        parts.append(path(places, f"curve{dashed}"))
        if places:
            parts.append(element("circle", element("title", f"{key}: {points[-1][1]:.6g} in epoch {points[-1][0]}"),
                                 cx=places[-1][0], cy=places[-1][1], r=3, class_="end"))  # fmt: skip
    ends = ", ".join(f"{key} ends at {points[-1][1]:.4g}" for key, points in lines.items() if points)
    return element("figure", drawing(_WIDTH, 192, f"{name} by epoch: {ends}", parts))
