"""The page of a report: it holds everything it needs, its parts are labelled, and no text in it becomes markup."""

import base64
import hashlib
import re
import tomllib
from pathlib import Path

import pytest
from made_reports import HOSTILE, PIXEL, hostile_report, made_report
from page_elements import Page

import compressor
from compressor.report.page.html_page import render_html
from compressor.report.page.squares import Box, squarified

SECTIONS = [
    "way", "limits", "notes", "bytes", "accuracy", "layers", "weights", "training", "time", "endpoints", "origin",
]  # fmt: skip


@pytest.fixture(scope="module")
def text():
    return render_html(made_report())


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_every_element_is_closed_and_every_id_is_given_once(page):
    assert page.open == []
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded_from_elsewhere(text, page):
    assert re.findall(r"(?:https?:)?//[a-z]", text) == []
    assert page.all("link") == []
    assert {attrs["src"] for attrs in page.all("img")} == {f"data:image/png;base64,{PIXEL}"}
    assert all(attrs["href"].startswith("#") for attrs in page.all("a"))
    assert "url(" not in text and "@import" not in text


def test_the_page_s_policy_lets_its_own_style_and_script_run_and_nothing_else(page):
    (policy,) = (attrs["content"] for attrs in page.all("meta") if "http-equiv" in attrs)
    hashes = {
        tag: base64.b64encode(hashlib.sha256(page.texts[tag][0].encode()).digest()).decode()
        for tag in ("style", "script")
    }
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert [
        tag for tag, attrs in page.elements if "style" in attrs or any(name.startswith("on") for name in attrs)
    ] == []


def test_every_section_is_reached_by_the_links_and_named_by_its_heading(page):
    assert [attrs["href"] for attrs in page.all("a")] == ["#content", *(f"#{name}" for name in SECTIONS)]
    assert [(attrs["id"], attrs["aria-labelledby"]) for attrs in page.all("section")] == [
        (name, f"{name}-title") for name in SECTIONS
    ]
    assert {f"{name}-title" for name in SECTIONS} <= {attrs.get("id") for attrs in page.all("h2")}


def test_plots_tables_fields_and_pictures_have_labels(page):
    plots = [place for place, (tag, _) in enumerate(page.elements) if tag == "svg"]
    assert len(plots) > 20
    for place in plots:
        assert page.elements[place][1]["role"] == "img"
        assert page.elements[place + 1][0] == "title"
    tables = page.all("table")
    assert len(tables) == len(page.all("caption")) > 5
    assert {attrs["id"] for attrs in page.all("input")} <= {attrs["for"] for attrs in page.all("label")}
    assert all(attrs["alt"] for attrs in page.all("img"))
    assert all(attrs["aria-label"] for attrs in page.all("div") if attrs.get("role") == "region")
    assert all(attrs["scope"] in ("col", "row") for attrs in page.all("th"))


def test_the_page_shows_what_the_report_holds(text):
    for shown in (
        "28% of the size, 9% zipped, for -0.37 pt of accuracy", "98.24 % ±0.26", "✗ missed", "conv/Conv2D",
        "it is excepted (prune)", ">1.23%</td>",
        "prune</b>: 2 of 12 epochs", "uint8 0..255 of shape 28x28, times 1/255",
        "Of 1,000 test samples, 21 are right after baseline and wrong after ptq; the other way round: 1.",
        "5 at 65.4%, 3 at 31.2%", "0.5, 1.25", "compressor apply recipe.yaml --seed 0 --locked lock.yaml", "d7" * 32,
        "accuracy by epoch: accuracy ends at 0.9, val_accuracy ends at 0.88", "-72 %", "max_accuracy_drop 0.50 pt",
    ):  # fmt: skip
        assert shown in text, shown


def test_hostile_names_are_text_and_add_no_element_and_no_attribute(page):
    hostile = Page(render_html(hostile_report()))
    known = {(tag, name) for tag, attrs in page.elements for name in attrs}
    assert {(tag, name) for tag, attrs in hostile.elements for name in attrs} <= known
    assert len(hostile.all("script")) == 1
    assert len(hostile.all("img")) == len(page.all("img"))
    shown = HOSTILE.replace("\u202e", "\\u202e")
    assert hostile.texts["h1"] == [shown]
    assert any(shown in text for text in hostile.texts["code"])
    assert "\u202e" not in render_html(hostile_report())


def test_a_report_of_an_earlier_version_makes_a_page_that_says_what_it_lacks():
    earlier = made_report().model_dump(mode="json")
    for name in ("resolved_recipe", "fingerprints", "code", "files", "class_names", "confusion", "flips"):
        del earlier[name]
    for row in earlier["constraints"]:
        del row["number"]
    for stage in earlier["stages"]:
        for name in ("latency_percentiles", "classes", "curves"):
            del stage[name]
        for tensor in stage["layers"]:
            del tensor["spread"], tensor["difference"]
    text = render_html(type(made_report()).model_validate(earlier))
    assert Page(text).open == []
    assert "The report has no histograms of weights." in text
    assert "The report has no figures by class" in text
    assert "The report has no training curves." in text
    assert "Resolved recipe" not in text


def test_a_missed_limit_stands_above_the_figures():
    row = {"name": "max_size", "limit": "10.0 kB", "actual": "12.0 kB", "met": False, "missed_by": "2.0 kB",
           "number": 10_000}  # fmt: skip
    page = Page(render_html(made_report(constraints=[row])))
    assert "✗ max_size 10.0 kB, and is 12.0 kB: missed by 2.0 kB" in page.texts["p"]


def test_a_run_of_one_stage_and_one_without_finite_intervals_have_pages():
    made = made_report().model_dump(mode="json")
    (first, *_) = made["stages"]
    first["metrics"]["accuracy"] |= {"low": "-Infinity", "high": "Infinity"}
    text = render_html(made_report(stages=[first], confusion=None, flips=None, constraints=[], smoke=True))
    assert Page(text).open == []
    assert "nan" not in text and "inf," not in text
    assert "A smoke run judges no constraint." in text


def test_a_large_model_has_a_page_below_two_megabytes():
    made = made_report().model_dump(mode="json")
    for stage in made["stages"]:
        (kernel, *_) = stage["layers"]
        stage["layers"] = [
            {**kernel, "name": f"block_{number}_expand/Conv2D;bn/FusedBatchNormV3"} for number in range(400)
        ]
    assert len(render_html(made_report(stages=made["stages"]))) < 2_000_000


def test_boxes_of_a_treemap_fill_their_frame_by_their_sizes():
    sizes = [60, 20, 10, 6, 3, 1, 0]
    boxes = squarified(sizes, Box(10, 20, 300, 200))
    assert [round(box.width * box.height) for box in boxes] == [size * 600 for size in sizes]
    for box in boxes:
        assert 10 - 1e-6 <= box.x <= box.x + box.width <= 310 + 1e-6
        assert 20 - 1e-6 <= box.y <= box.y + box.height <= 220 + 1e-6
    overlaps = [
        (one, other) for place, one in enumerate(boxes[:-1]) for other in boxes[place + 1 : -1]
        if one.x + one.width > other.x + 1e-6 and other.x + other.width > one.x + 1e-6
        and one.y + one.height > other.y + 1e-6 and other.y + other.height > one.y + 1e-6
    ]  # fmt: skip
    assert overlaps == []


def test_a_wheel_has_every_file_that_the_page_is_made_of():
    root = Path(compressor.__file__).parent
    data = tomllib.loads((root.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    held = {path.name for path in (root / "report" / "page").iterdir() if path.suffix not in (".py", "")}
    assert set(data["compressor.report.page"]) == held == {"page.css", "page.js"}


def test_matrices_that_do_not_fit_the_classes_are_left_out():
    made = made_report(confusion={"before": [[1]], "after": [[1, 2]]})
    assert "Change of the confusion" not in render_html(made)
    assert "Change of the confusion" in render_html(made_report())
