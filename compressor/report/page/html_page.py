"""Renders a report as one page of HTML, which loads nothing and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import Final, NamedTuple

from compressor.contracts.report_rows import Report
from compressor.report.figures import headline
from compressor.report.page.accuracy_loss import accuracy_loss
from compressor.report.page.byte_flow import byte_flow
from compressor.report.page.call_times import call_times
from compressor.report.page.device_fit import device_fit
from compressor.report.page.facts import endpoints, key_figures, limits, notes, opening, origin, stages
from compressor.report.page.markup import Content, Html, element
from compressor.report.page.operator_times import operator_times
from compressor.report.page.run_way import run_way
from compressor.report.page.tensor_table import tensor_table
from compressor.report.page.training_curves import training_curves
from compressor.report.page.weight_shapes import weight_shapes

_STYLE: Final = "page.css"
_SCRIPT: Final = "page.js"


class _Section(NamedTuple):
    id: str
    link: str
    title: str
    content: Content


def render_html(report: Report) -> str:
    """The whole page."""
    style, script = (Html((files("compressor.report.page") / name).read_text("utf-8")) for name in (_STYLE, _SCRIPT))
    sections = list(_sections(report))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="description", content=headline(report)),
        element("title", f"{report.recipe} · compression report"),
        element("style", style),
    )
    themes = element("button", "theme: system", id="theme", type="button", hidden=True)
    links = element("ul", [element("li", element("a", part.link, href=f"#{part.id}")) for part in sections])
    body = element(
        "body",
        element("a", "skip to the content", href="#content", class_="skip"),
        element("nav", links, themes, aria_label="sections"),
        element("main", element("header", opening(report), key_figures(report)), map(_drawn, sections), id="content"),
        element("footer", element("p", f"compressor {report.versions.get('compressor', '')}, ", "drawn from ",
                                  element("code", "report.json"))),
        element("script", script),
    )  # fmt: skip
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _sections(report: Report) -> Iterator[_Section]:
    yield _Section("way", "Way", "Way of the run", [run_way(report), stages(report)])
    yield _Section("limits", "Limits", "Limits", limits(report))
    if (fitting := device_fit(report)) is not None:
        yield _Section("device", "Device", "On the device", fitting)
    yield _Section("notes", "Notes", "Notes", notes(report))
    yield _Section("bytes", "Bytes", "Where the bytes went", byte_flow(report))
    yield _Section("accuracy", "Accuracy", "Where the accuracy went", accuracy_loss(report))
    yield _Section("layers", "Layers", "Layers", tensor_table(report))
    yield _Section("weights", "Weights", "Weights before and after", weight_shapes(report))
    yield _Section("training", "Training", "Training", training_curves(report))
    yield _Section("time", "Time", "Time of a call", [call_times(report), *operator_times(report)])
    yield _Section("endpoints", "Inputs and outputs", "What the model takes and gives", endpoints(report))
    yield _Section("origin", "Origin", "How it was made", origin(report))


def _drawn(section: _Section) -> Html:
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
