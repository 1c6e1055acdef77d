"""Where the accuracy went: figures by class, the change of the confusion, and samples that went from right to wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from compressor.base.markup import Content, Html, element, table
from compressor.contracts.report_rows import ClassRow, ConfusionRow, DecisionRow, FlippedRow, Report
from compressor.report.page.axes import Scale, drawing, figure, line, text

_MOST_DRAWN: Final = 40  # classes of a plot; the table has all
_MOST_NUMBERS: Final = 14  # classes up to which the cells of a matrix have their numbers
_ROW: Final = 22  # pixels
_HEADS: Final = ("class", "samples", "found before", "found after", "change", "correct before", "correct after")


def accuracy_loss(report: Report) -> list[Html]:
    """All of it; one line where the model decides no classes."""
    first, last = report.stages[0], report.stages[-1]
    if not first.classes or len(first.classes) != len(last.classes) or len(report.stages) < 2:
        why = (
            "The report has no figures by class: the first metric judges no output that chooses one of several classes."
        )
        return [element("p", why, class_="quiet")]
    names = [class_name(report, number) for number in range(len(last.classes))]
    plots = []
    if len(names) <= _MOST_DRAWN:
        plots.append(figure("Share of each class that is found", _drawn_classes(first.classes, last.classes, names),
                            f"hollow: {first.id}, filled: {last.id}"))  # fmt: skip
    if report.confusion and _is_square(report.confusion, len(names)):
        plots.append(figure("Change of the confusion", _drawn_confusion(report.confusion, names),
                            f"samples in {last.id} less those in {first.id}"))  # fmt: skip
    rows = [_class_cells(*row) for row in zip(names, first.classes, last.classes, strict=True)]
    by_class = table(_HEADS, rows, "Decisions by class", numbers=range(1, len(_HEADS)))
    folded = element(
        "details", element("summary", f"Decisions by class, in figures ({len(names):,} classes)"), by_class
    )
    return [_summary(report), element("div", plots, class_="pair") if plots else Html(), folded, *_flips(report)]


def class_name(report: Report, number: int) -> str:
    """The name of a class, or its number."""
    return report.class_names[number] if 0 <= number < len(report.class_names) else str(number)


def _is_square(confusion: ConfusionRow, size: int) -> bool:
    """Whether both matrices have a row and a column for each class: a file may say anything."""
    return all(len(rows) == size and all(len(row) == size for row in rows) for rows in
               (confusion.before, confusion.after))  # fmt: skip


def _summary(report: Report) -> Html:
    flips = report.flips
    if flips is None:
        return Html()
    first, last, test = report.stages[0].id, report.stages[-1].id, report.samples.get("test", 0)
    words = (
        f"Of {test:,} test samples, {flips.lost:,} are right after {first} and wrong after {last}; the other "
        f"way round: {flips.gained:,}."
    )
    return element("p", words)


def _class_cells(name: str, before: ClassRow, after: ClassRow) -> Sequence[Content]:
    found = [_share(row.right, row.samples) for row in (before, after)]
    correct = [_share(row.right, row.chosen) for row in (before, after)]
    change = (after.right - before.right) / after.samples if after.samples else 0.0
    return [name, f"{after.samples:,}", *found, f"{change * 100:+.2f} pt" if change else "-", *correct]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"


def _drawn_classes(
    before: Sequence[ClassRow], after: Sequence[ClassRow], names: Sequence[str]
) -> Callable[[float], Html]:
    shares = [[row.right / row.samples if row.samples else 0.0 for row in rows] for rows in (before, after)]
    low = min(map(min, shares))

    def draw(width: float) -> Html:
        left = 24 + min(14, max(map(len, names))) * 7.0
        scale = Scale(max(0.0, low - max(0.005, (1 - low) * 0.12)), 1, left, width - 12)
        bottom = len(names) * _ROW + 8
        digits = 0 if scale.high - scale.low > 0.05 else 1
        parts: list[Html] = []
        for tick in scale.ticks(5):
            parts += [line(scale(tick), 4, scale(tick), bottom, "grid"),
                      text(scale(tick), bottom + 18, f"{tick * 100:.{digits}f} %", "tick", "middle")]  # fmt: skip
        for number, (name, old, new) in enumerate(zip(names, *shares, strict=True)):
            y = number * _ROW + 18.0
            worse = " worse" if new < old else ""
            tip = f"{name}: {old:.2%} before, {new:.2%} after"
            parts.append(
                element("g", element("title", tip), text(left - 10, y + 4, name[:14], "label", "end"),
                        line(scale(old), y, scale(new), y, f"between{worse}"),
                        element("circle", cx=scale(old), cy=y, r=5, class_="dot"),
                        element("circle", cx=scale(new), cy=y, r=4, class_=f"dot last{worse}"))
            )  # fmt: skip
        return drawing(width, bottom + 26, "Share of each class's samples that is found, before and after", parts)

    return draw


def _drawn_confusion(confusion: ConfusionRow, names: Sequence[str]) -> Callable[[float], Html]:
    changes = [
        [new - old for old, new in zip(*rows, strict=True)]
        for rows in zip(confusion.before, confusion.after, strict=True)
    ]
    most = max(1, *(abs(change) for row in changes for change in row))

    def draw(width: float) -> Html:
        left = 30 + min(10, max(map(len, names))) * 6.5
        side = min(34.0, (width - left - 4) / len(names))
        top = 40.0
        parts: list[Html] = [text(left, 14, "chosen class", "title"), text(4, top - 8, "class", "title")]
        for number, name in enumerate(names):
            if side > 12:
                parts.append(text(left - 8, top + (number + 0.5) * side + 4, name[:10], "tick", "end"))
                parts.append(
                    text(left + (number + 0.5) * side, top - 8, name[: max(1, int(side / 7))], "tick", "middle")
                )
            for chosen, change in enumerate(changes[number]):
                better = (change > 0) == (number == chosen)
                tip = f"{name} taken for {names[chosen]}: {confusion.before[number][chosen]:,} before, " + (
                    f"{confusion.after[number][chosen]:,} after"
                )
                x, y = left + chosen * side, top + number * side
                parts.append(element("rect", element("title", tip) if change else None, x=x + 0.5, y=y + 0.5,
                                     width=side - 1, height=side - 1, class_="cell"))  # fmt: skip
                if change:
                    parts.append(element("rect", element("title", tip), x=x + 0.5, y=y + 0.5, width=side - 1,
                                         height=side - 1, class_="cell good" if better else "cell bad",
                                         fill_opacity=f"{0.15 + 0.6 * abs(change) / most:.2f}"))  # fmt: skip
                    if len(names) <= _MOST_NUMBERS:
                        parts.append(text(x + side / 2, y + side / 2 + 4, f"{change:+d}", "count", "middle"))
        label = "Change of the number of samples by their class and the class that was chosen"
        return drawing(width, top + side * len(names) + 4, label, parts)

    return draw


def _flips(report: Report) -> list[Html]:
    if report.flips is None or not report.flips.shown:
        return []
    shown = report.flips.shown
    title = f"Right before, wrong after: {len(shown)} of {report.flips.lost:,}"
    first, last = report.stages[0].id, report.stages[-1].id
    cards = [element("li", _card(report, flip, first, last)) for flip in shown]
    return [element("h3", title), element("ul", cards, class_="cards")]


def _card(report: Report, flip: FlippedRow, first: str, last: str) -> list[Html]:
    label = class_name(report, flip.label)
    picture = Html()
    if flip.picture:
        picture = element("img", src=f"data:image/png;base64,{flip.picture}", alt=f"test sample {flip.place}")
    elif flip.values:
        picture = element("code", ", ".join(f"{value:g}" for value in flip.values), class_="values")
    rows = [_decided(report, name, decision, flip.label) for name, decision in
            ((first, flip.before), (last, flip.after))]  # fmt: skip
    return [picture, element("div", element("b", label), f" · sample {flip.place:,}", element("dl", rows))]


def _decided(report: Report, stage: str, decision: DecisionRow, label: int) -> list[Html]:
    chosen = class_name(report, decision.chosen)
    words = f"{chosen} at {decision.certainty:.1%}"
    if decision.chosen != label:
        words += f", {class_name(report, label)} at {decision.of_label:.1%}"
    return [element("dt", stage), element("dd", words, class_=None if decision.chosen == label else "missed")]
