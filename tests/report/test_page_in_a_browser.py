"""The page in a real browser: Debian's Chromium, without a window. `apt-get install chromium` brings it."""

import json

import pytest
from browser_checks import CONTRASTS, PHONE, UNSEEN, chromium
from made_reports import HOSTILE, hostile_report, made_report

from compressor.report.page.html_page import render_html

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens a report's page: the page, and a list of what went wrong or left it."""
    contexts = []

    def open_page(report=None, **options):
        file = tmp_path / "report.html"
        file.write_text(render_html(report or made_report()))
        contexts.append(browser.new_context(**options))
        page, wrong = contexts[-1].new_page(), []
        page.set_default_timeout(30_000)
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message) or dialog.dismiss())
        page.on(
            "request", lambda request: wrong.append(request.url) if request.url[:5] not in ("file:", "data:") else 0
        )
        page.goto(file.as_uri())
        return page, wrong

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE], ids=["wide", "phone"])
def test_all_is_drawn_and_readable_without_an_error_or_a_request(opened, scheme, viewport):
    page, wrong = opened(color_scheme=scheme, viewport=viewport)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert page.evaluate(UNSEEN) == []
    assert page.evaluate(CONTRASTS) == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert page.evaluate("[...document.images].filter((each) => !each.naturalWidth).length") == 0
    assert wrong == []


def test_the_theme_follows_the_system_until_the_reader_picks_one(opened):
    page, wrong = opened(color_scheme="dark")

    def paper():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert paper() == "rgb(20, 23, 26)"
    button = page.get_by_role("button", name="theme: system")
    button.click()
    assert (page.inner_text("#theme"), paper()) == ("theme: light", "rgb(251, 250, 248)")
    page.reload()
    assert (page.inner_text("#theme"), paper()) == ("theme: light", "rgb(251, 250, 248)")
    page.click("#theme")
    assert (page.inner_text("#theme"), paper()) == ("theme: dark", "rgb(20, 23, 26)")
    assert wrong == []


def test_the_table_of_layers_sorts_and_filters_by_keyboard_alone(opened):
    page, wrong = opened()

    def names():
        return page.evaluate(
            "[...document.querySelectorAll('#tensors tbody tr')].filter((row) => !row.hidden)"
            ".map((row) => row.cells[0].textContent)"
        )

    assert names() == ["conv/Conv2D", "dense/MatMul", "dense/BiasAdd"]
    head = page.get_by_role("button", name="bytes after")
    head.focus()
    page.keyboard.press("Enter")
    assert names() == ["dense/MatMul", "conv/Conv2D", "dense/BiasAdd"]
    assert page.get_attribute("#tensors th[aria-sort]", "aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert names() == ["dense/BiasAdd", "conv/Conv2D", "dense/MatMul"]
    page.get_by_role("button", name="tensor").press("Enter")
    assert names() == ["conv/Conv2D", "dense/BiasAdd", "dense/MatMul"]
    page.get_by_label("Filter by name, shape, type or reason").focus()
    page.keyboard.type("DENSE 20,280")
    assert names() == ["dense/MatMul"]
    assert page.inner_text("#shown") == "1 of 3 tensors"
    assert wrong == []


def test_every_link_and_field_is_reached_by_the_tab_key_and_seen_there(opened):
    page, _ = opened()
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.id"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        if reached[-1]:
            assert outline == "solid" or reached[-1] in ("#content",), reached[-1]
    links = page.evaluate("[...document.querySelectorAll('a')].map((link) => link.getAttribute('href'))")
    assert set(links) | {"theme", "filter"} <= set(reached)


def test_all_of_it_is_printed_on_white_with_its_folds_open(opened):
    page, wrong = opened(color_scheme="dark")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("[...document.querySelectorAll('details')].every((fold) => fold.open)")
    assert page.evaluate(UNSEEN) == []
    assert not page.is_visible("nav")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.evaluate("[...document.querySelectorAll('details')].some((fold) => fold.open)")
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert wrong == []


def test_hostile_names_run_nothing_and_the_policy_stops_what_is_put_in_later(opened):
    page, wrong = opened(hostile_report())
    assert wrong == []
    assert page.inner_text("h1") == HOSTILE.replace("\u202e", "\\u202e")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 1\">')")
    page.evaluate(
        "() => { const script = document.createElement('script'); script.textContent = 'document.title = 2';"
        " document.body.append(script); }"
    )
    assert page.title() == f"{HOSTILE} · compression report".replace("\u202e", "\\u202e")
    assert len([text for text in wrong if "Content Security Policy" in text]) >= 2


def test_a_page_is_whole_without_its_script(opened):
    page, _ = opened(java_script_enabled=False)
    assert page.locator("svg:visible").count() > 10
    assert not page.is_visible("#theme")
    assert json.dumps(page.inner_text("#tensors tbody tr:first-child th")) == '"conv/Conv2D"'
