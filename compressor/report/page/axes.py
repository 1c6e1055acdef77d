"""Scales, ticks and frames of the plots, which are drawn as SVG: they need no library, and print as well as they show.

Colors, fonts and line widths are given by classes, so that one drawing serves both themes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from compressor.base.markup import Content, Html, compact, element

WIDE: Final = 560  # pixels of a plot on a wide page
NARROW: Final = 340  # and on a phone
_MOST_TICKS: Final = 6
_STEPS: Final = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Scale:
    """Maps values from `low` to `high` to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        low, high, at = self.low, self.high, value
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(max(value, self.low))
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start + (self.end - self.start) * share

    def ticks(self, most: int = _MOST_TICKS) -> list[float]:
        """Round values in its range."""
        return _powers(self.low, self.high) if self.logarithmic else round_ticks(self.low, self.high, most)


def round_ticks(low: float, high: float, most: int = _MOST_TICKS) -> list[float]:
    """Round values from low to high, at most so many."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    rough = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in _STEPS if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _powers(low: float, high: float) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(exponents) < 4 else (1,)
    ticks = [factor * 10.0**exponent for exponent in exponents for factor in factors]
    return [tick for tick in ticks if low <= tick <= high]


def text(x: float, y: float, words: str, class_: str = "", anchor: str = "start") -> Html:
    """Text at a place."""
    return element("text", words, x=float(x), y=float(y), text_anchor=None if anchor == "start" else anchor,
                   class_=class_ or None)  # fmt: skip


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Html:
    """A straight line."""
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str) -> Html:
    """A line through points."""
    places = " ".join(f"{compact(x)},{compact(y)}" for x, y in points)
    return element("path", d=f"M{places}" if points else "", class_=class_)


def frame(
    x: Scale, y: Scale, x_text: Callable[[float], str], y_text: Callable[[float], str], x_title: str, y_title: str,
    most: int = _MOST_TICKS,
) -> list[Html]:  # fmt: skip
    """The grid, ticks and titles of both axes; `y` runs upwards."""
    parts = []
    for tick in y.ticks(most):
        parts += [line(x.start, y(tick), x.end, y(tick), "grid"),
                  text(x.start - 8, y(tick) + 4, y_text(tick), "tick", "end")]  # fmt: skip
    for tick in x.ticks(most):
        parts += [line(x(tick), y.start, x(tick), y.start + 5, "axis"),
                  text(x(tick), y.start + 19, x_text(tick), "tick", "middle")]  # fmt: skip
    parts.append(line(x.start, y.start, x.end, y.start, "axis"))
    parts.append(text((x.start + x.end) / 2, y.start + 38, x_title, "title", "middle"))
    parts.append(text(0, y.end - 20, y_title, "title"))
    return parts


def drawing(width: float, height: float, label: str, parts: Content, class_: str = "plot") -> Html:
    """An SVG of a size, with a label for those who do not see it."""
    return element(
        "svg",
        element("title", label),
        parts,
        viewBox=f"0 0 {compact(width)} {compact(height)}",
        width=float(width),
        height=float(height),
        role="img",
        class_=class_,
    )


def figure(title: str, draw: Callable[[float], Html], note: str = "") -> Html:
    """A plot under its title, drawn for a wide page and for a phone, of which the style sheet shows one."""
    drawings = [element("div", draw(WIDE), class_="wide"), element("div", draw(NARROW), class_="narrow")]
    caption = element("figcaption", element("strong", title), element("span", note) if note else None)
    return element("figure", caption, drawings)
