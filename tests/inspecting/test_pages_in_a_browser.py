"""The page of a file and what notebooks show, in a real browser: `apt-get install chromium` brings it."""

import pytest
from browser_checks import CONTRASTS, PHONE, UNSEEN, chromium
from inspected import contents_of_mixed_file
from made_reports import HOSTILE, hostile_report, made_report

import compressor
from compressor.inspecting.content_rows import KerasLayerRow
from compressor.inspecting.contents_page import render_contents

pytestmark = pytest.mark.long
LAYERS = [
    KerasLayerRow(
        name=f"backbone/block_{place}/conv", type="SeparableConv2D", output="28x28x16", parameters=160 * place,
        trainable_parameters=0, trainable=place > 1, activation="relu",
        steps={"prune": "works", "cluster": "works", "qat": "calibrated", "ptq": "works"}, left_in_float="1 ELU",
    )
    for place in range(1, 4)
]  # fmt: skip
NOTEBOOK = "<!doctype html><html><body {theme}><style>{style}</style>{cells}</body></html>"
THEMES = {  # what JupyterLab writes, and the colors of its cells
    "light": ('data-jp-theme-light="true"', "body { background: #ffffff; color: #212121 }"),
    "dark": ('data-jp-theme-light="false"', "body { background: #111111; color: #e0e0e0 }"),
}


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens a page: the page, and a list of what went wrong or left it."""
    contexts = []

    def open_page(text, **options):
        file = tmp_path / "page.html"
        file.write_text(text)
        contexts.append(browser.new_context(**options))
        page, wrong = contexts[-1].new_page(), []
        page.set_default_timeout(30_000)
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message) or dialog.dismiss())
        page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith("file:") else 0)
        page.goto(file.as_uri())
        return page, wrong

    yield open_page
    for context in contexts:
        context.close()


def contents(prefix=""):
    return contents_of_mixed_file(prefix).model_copy(update={"layers": LAYERS})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE], ids=["wide", "phone"])
def test_all_of_a_file_is_drawn_and_readable_without_an_error_or_a_request(opened, scheme, viewport):
    page, wrong = opened(render_contents(contents()), color_scheme=scheme, viewport=viewport)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert page.evaluate(UNSEEN) == []
    assert page.evaluate(CONTRASTS) == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert wrong == []


def test_tables_sort_and_filter_by_keyboard_and_print_in_full(opened):
    page, wrong = opened(render_contents(contents()), color_scheme="dark")
    names = (
        "[...document.querySelectorAll('#tensors tbody tr')].filter((row) => !row.hidden)"
        ".map((row) => row.cells[0].textContent)"
    )
    assert page.evaluate(names) == ["weights", "kernel", "bias"]
    page.locator("#tensors").get_by_role("button", name="tensor").press("Enter")
    assert page.evaluate(names) == ["bias", "kernel", "weights"]
    page.get_by_label("Filter by name, shape or type").focus()
    page.keyboard.type("int8 3x144")
    assert page.evaluate(names) == ["weights"]
    assert page.inner_text("#shown") == "1 of 3 tensors"
    page.locator("#operators").get_by_role("button", name="calls").press("Enter")
    assert page.inner_text("#operators tbody tr:first-child th") == "DEQUANTIZE"
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("[...document.querySelectorAll('details')].every((fold) => fold.open)")
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert wrong == []


def test_hostile_names_in_a_file_run_nothing(opened):
    page, wrong = opened(render_contents(contents(HOSTILE).model_copy(update={"file": HOSTILE})))
    assert page.inner_text("h1") == HOSTILE.replace("\u202e", "\\u202e")
    assert page.locator("img").count() == 0
    assert wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE], ids=["wide", "phone"])
def test_a_notebook_of_either_theme_shows_all_of_it_readably(opened, scheme, theme, viewport):
    shown = [made_report(), made_report(smoke=True), hostile_report(), compressor.plan("prune_qat"), contents()]
    cells = "".join(f"<div>{each._repr_html_()}</div>" for each in shown)
    attribute, style = THEMES[theme]
    page, wrong = opened(
        NOTEBOOK.format(theme=attribute, style=style, cells=cells), color_scheme=scheme, viewport=viewport
    )
    assert page.locator(".compressor-view").count() == 5
    assert page.evaluate(CONTRASTS) == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert page.locator("img").count() == 0
    assert wrong == []
