"""The page of a file: it holds everything it needs, its parts are labelled, and no name in the file becomes markup."""

import base64
import hashlib
import re

import pytest
from inspected import contents_of_mixed_file
from made_reports import HOSTILE
from page_elements import Page

from compressor.inspecting.content_rows import KerasLayerRow
from compressor.inspecting.contents_page import render_contents

SECTIONS = ["endpoints", "operators", "islands", "bytes", "tensors-by-size", "weights", "metadata"]
LAYER = KerasLayerRow(
    name="backbone/conv", type="Conv2D", output="28x28x16", parameters=160, trainable_parameters=0, trainable=False,
    activation="relu", steps={"prune": "works", "qat": "calibrated"}, left_in_float="1 ELU",
)  # fmt: skip


@pytest.fixture(scope="module")
def text():
    return render_contents(contents_of_mixed_file())


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_every_element_is_closed_and_every_section_is_reached_by_its_link(page):
    assert page.open == []
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert [attrs["href"] for attrs in page.all("a")] == ["#content", *(f"#{name}" for name in SECTIONS)]
    assert [attrs["id"] for attrs in page.all("section")] == SECTIONS


def test_nothing_is_loaded_and_the_policy_lets_the_page_s_own_script_run_alone(text, page):
    assert re.findall(r"(?:https?:)?//[a-z]", text) == []
    assert page.all("link") == page.all("img") == []
    (policy,) = (attrs["content"] for attrs in page.all("meta") if "http-equiv" in attrs)
    style, script = (
        base64.b64encode(hashlib.sha256(page.texts[tag][0].encode()).digest()).decode() for tag in ("style", "script")
    )
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def test_plots_tables_and_fields_have_labels(page):
    plots = [place for place, (tag, _) in enumerate(page.elements) if tag == "svg"]
    assert len(plots) == 10  # two of operators, the map and the memory, each for a wide page and a phone, two kernels
    assert all(page.elements[place + 1][0] == "title" for place in plots)
    assert len(page.all("table")) == len(page.all("caption")) == 5
    assert {attrs["id"] for attrs in page.all("input")} <= {attrs["for"] for attrs in page.all("label")}
    assert all(attrs["scope"] in ("col", "row") for attrs in page.all("th"))


def test_the_page_shows_what_the_file_holds(text):
    for shown in (
        "3 of 8 operators compute in float, in 2 islands, 1 of them between operators in integers", "2.5 kB", "1,728",
        "<strong>1: ROUND, CEIL</strong>", "between operators in integers", "CONV_2D &#39;conv&#39;", "-64 to 63.5",
        "ROUND &#39;round&#39;, CEIL &#39;ceil&#39;", "the model&#39;s output (&#39;sign&#39;)", "&lt;b&gt;notes",
        "0 B of constants, 1.2 kB of tensors made, 0 multiply-accumulates, 2 conversions", ">17.3%</td>",
        "LiteRT for Microcontrollers needs an arena of 2.2 kB", "2.11.0",
    ):  # fmt: skip
        assert shown in text, shown
    assert text == render_contents(contents_of_mixed_file())


def test_a_keras_file_has_a_table_of_layers_and_what_the_steps_make_of_them():
    contents = contents_of_mixed_file().model_copy(update={"layers": [LAYER], "kind": "Keras file"})
    page = Page(render_contents(contents))
    assert [attrs["id"] for attrs in page.all("section")] == [SECTIONS[0], "keras", *SECTIONS[1:]]
    cells = page.texts["td"]
    start = cells.index("Conv2D")
    assert cells[start : start + 9] == [
        "Conv2D", "28x28x16", "160", "0", "frozen", "relu", "works", "calibrated", "1 ELU",
    ]  # fmt: skip
    assert "1 layer with 160 parameters, 160 of them in frozen layers." in page.texts["p"]


def test_hostile_names_are_text_and_add_no_element_and_no_attribute(page):
    contents = contents_of_mixed_file(HOSTILE)
    assert contents.tensors[0].name == f"{HOSTILE}kernel"
    rendered = render_contents(
        contents.model_copy(
            update={
                "file": HOSTILE,
                "description": HOSTILE,
                "layers": [LAYER.model_copy(update={"name": HOSTILE, "type": HOSTILE, "activation": HOSTILE})],
            }
        )
    )
    hostile = Page(rendered)
    assert hostile.open == []
    assert {(tag, name) for tag, attrs in hostile.elements for name in attrs} <= {
        (tag, name) for tag, attrs in page.elements for name in attrs
    }
    assert len(hostile.all("script")) == 1
    assert hostile.all("img") == []
    assert hostile.texts["h1"] == [HOSTILE.replace("\u202e", "\\u202e")]
    assert "\u202e" not in rendered


def test_a_file_without_weights_and_one_in_float_have_pages():
    contents = contents_of_mixed_file()
    empty = contents.model_copy(
        update={"tensors": [], "metadata": [], "float_islands": [], "float_operators": [], "operators_by_type": [],
                "arena": contents.arena.model_copy(update={"operators": []})}
    )  # fmt: skip
    text = render_contents(empty)
    assert Page(text).open == []
    assert "There are none: no operator computes in float." in text
    assert "The file has no kernels whose weights could be drawn." in text
    assert "The file has no metadata." in text
