"""What is left of a search to look at: its page, and the lines that tell what decides."""

import pytest
from browser_checks import CONTRASTS, PHONE, UNSEEN, chromium
from made_reports import HOSTILE
from made_searches import GOALS, PRECISION, SPARSITY, made_search, trial
from page_elements import Page

from compressor.report.screen import Screen
from compressor.search.choice_texts import decisive, short_name, value_text
from compressor.search.front_page import front_page
from compressor.search.search_report import front_as_data, front_markdown, show_front
from compressor.search.trial_record import TrialRecord


def shapes(page, name):
    """The drawn elements of a class, of those for a wide page and a phone."""
    return [attrs for _, attrs in page.elements if name in (attrs.get("class") or "").split()]


def test_the_page_draws_every_trial_that_was_measured_and_marks_the_front():
    search = made_search()
    page = Page(front_page(search))
    assert page.open == []
    assert [point.record.number for point in search.points] == [11, 7, 5, 1, 10, 8, 4]
    marks = [attrs for attrs in page.all("circle") if "mark" in attrs["class"]]
    assert len(marks) == 2 * 11  # of 12 trials one failed; each plot is drawn for a wide page and for a phone
    assert len([attrs for attrs in marks if attrs["class"] == "mark best"]) == 2 * 7
    missed = [record for record in search.measured if record.missed]
    assert missed and len([attrs for attrs in marks if attrs["class"] == "mark missed"]) == 2 * len(missed)
    lines = [attrs["class"] for attrs in page.all("path") if "trial" in attrs["class"]]
    assert (lines.count("trial"), lines.count("trial best")) == (2 * 4, 2 * 7)
    titles = page.texts["title"]
    assert "trial 11: size 5,533 B, accuracy 88.02%" in titles
    assert any(
        text.startswith("11 trials as lines through step 1, training.learning_rate, prune.final") for text in titles
    )


def test_a_line_leaves_out_the_axes_of_choices_that_its_trial_did_not_make():
    search = made_search(records=[trial(2), trial(3)])
    lines = [attrs["d"] for attrs in Page(front_page(search)).all("path") if "trial" in attrs["class"]]
    axes = 4 + len(GOALS)
    assert sorted({line.count(",") for line in lines}) == [axes - 1, axes]


def test_the_front_is_drawn_with_the_intervals_of_the_test_split_and_told_in_figures():
    page = Page(front_page(made_search()))
    tips = page.texts["title"]
    assert tips.count("01: 23.3 kB, 97.87 % ±0.26") == 2  # for a wide page and for a phone
    assert page.texts["code"][:7] == [f"0{number}.yaml" for number in range(1, 8)]
    assert "misses min_accuracy" in page.texts["span"]
    assert "62 %" in page.texts["text"]
    assert "1 trial failed: the step 'ptq' failed" in page.texts["li"]
    assert any("of 11 trials. So few tell little" in text for text in page.texts["p"])


def test_a_search_with_one_objective_is_drawn_trial_by_trial():
    page = Page(front_page(made_search(goals=GOALS[:1])))
    assert "Trial and size" in page.texts["strong"]
    assert len([attrs for attrs in page.all("circle") if "mark" in attrs["class"]]) == 2 * 11


def test_a_search_without_a_front_says_so_and_shows_what_there_is():
    failed = [TrialRecord(1, {"step 1": "left out"}, "failed", reason="no")]
    page = Page(front_page(made_search(records=failed)))
    assert "No trial meets all constraints." in page.texts["p"]
    assert not page.all("circle") or not any("mark" in attrs["class"] for attrs in page.all("circle"))
    assert "1 trial failed: no" in page.texts["li"]


def test_no_name_becomes_markup():
    records = [TrialRecord(1, {"step 1": HOSTILE, PRECISION: "int8"}, "failed", reason=HOSTILE)]
    text = front_page(made_search(records=records, name=HOSTILE))
    assert "<img" not in text and "onerror=" not in text.replace("onerror=&quot;", "")
    assert text.isascii()
    assert Page(text).open == []


def test_of_very_many_trials_a_part_is_drawn_and_that_is_said():
    records = [trial(1 + number % 12) for number in range(1000)]
    records = [
        TrialRecord(index, one.assignment, one.state, one.values, one.misses) for index, one in enumerate(records, 1)
    ]
    search = made_search(records=[one for one in records if one.state == "done"])
    text = front_page(search)
    page = Page(text)
    drawn = [attrs for attrs in page.all("path") if attrs["class"] == "trial"]
    assert 0 < len(drawn) <= 2 * 300
    assert f"{len(drawn) // 2 + 7} of {len(search.measured)} trials" in page.texts["span"]
    assert len(text) < 2_000_000


def test_what_decides_is_told_in_the_terminal_in_markdown_and_as_data(capsys):
    search = made_search()
    show_front(search, Screen())
    assert " what decides size: prune.final_sparsity 62 %, ptq.precision 34 %\n" in capsys.readouterr().out
    text = front_markdown(search)
    assert "What decides accuracy: training.learning_rate 100 %." in text.replace("\\_", "_")
    assert front_as_data(search)["importances"]["size"] == {SPARSITY: 0.62, PRECISION: 0.34, "step 1": 0.04}


def test_choices_are_written_as_they_stand_in_a_recipe():
    assert short_name(SPARSITY) == "prune.final_sparsity"
    assert [value_text(value) for value in (0.123456, 3, True, [1, 2], "int8", None)] == [
        "0.1235", "3", "true", "[1, 2]", "int8", "null",
    ]  # fmt: skip
    assert decisive({"a": 0.03, "steps.b.with.c": 0.97}) == "b.c 97 %"
    assert decisive({}) == ""


@pytest.mark.long
@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE], ids=["wide", "phone"])
def test_the_page_is_readable_in_a_browser(tmp_path, viewport):
    file = tmp_path / "front.html"
    file.write_text(front_page(made_search()))
    wrong = []
    with chromium() as browser:
        for scheme in ("light", "dark"):
            page = browser.new_context(color_scheme=scheme, viewport=viewport).new_page()
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.goto(file.as_uri())
            assert page.evaluate(UNSEEN) == []
            assert page.evaluate(CONTRASTS) == []
            assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
            page.click("th button:text-is('accuracy')")
            assert wrong == []
