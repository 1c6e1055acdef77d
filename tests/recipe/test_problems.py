import pickle
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.base.errors import CompressorError, ExitCode
from compressor.base.text import did_you_mean, listing, printable, quoted
from compressor.recipe.problems import Origin, Problem, RecipeError, Source


def place(text, line, column, width=1, name="recipe.yaml"):
    return Origin(Source(name, tuple(text.splitlines()), Path("/recipes")), line, column, width)


def test_a_problem_shows_its_place_its_line_and_a_caret_under_the_very_characters():
    text = "version: 1\nsteps:\n  - uses: prun\n"
    assert Problem("unknown strategy 'prun'; did you mean 'prune'?", place(text, 3, 11, 4)).render() == (
        "recipe.yaml:3:11: error: unknown strategy 'prun'; did you mean 'prune'?\n"
        "    3 |   - uses: prun\n"
        "      |           ^^^^"
    )


def test_a_problem_without_a_place_is_one_line():
    assert Problem("no such file; check the path").render() == "error: no such file; check the path"


def test_a_place_beyond_the_text_shows_no_snippet():
    assert Problem("it ends", place("a: 1\n", 9, 1)).render() == "recipe.yaml:9:1: error: it ends"


def test_a_caret_can_stand_just_behind_the_line():
    assert Problem("it ends", place("a: [1", 1, 6)).render() == (
        "recipe.yaml:1:6: error: it ends\n    1 | a: [1\n      |      ^"
    )


def test_large_line_numbers_keep_the_bars_in_line():
    text = "\n" * 123_455 + "a: 1\n"
    assert Problem("wrong", place(text, 123_456, 4)).render() == (
        "recipe.yaml:123456:4: error: wrong\n123456 | a: 1\n       |    ^"
    )


def test_a_very_long_line_is_shown_through_a_window_around_the_place():
    text = "x" * 5_000 + "HERE" + "y" * 5_000
    head, line, caret = Problem("wrong", place(text, 1, 5_001, 4)).render().splitlines()
    assert head == "recipe.yaml:1:5001: error: wrong"
    assert line == "    1 | " + "x" * 50 + "HERE" + "y" * 46
    assert caret == "      | " + " " * 50 + "^^^^"


def test_a_caret_never_reaches_beyond_the_window():
    _, line, caret = Problem("wrong", place("x" * 5_000, 1, 1_001, 4_000)).render().splitlines()
    assert line == "    1 | " + "x" * 100
    assert caret == "      | " + " " * 50 + "^" * 50


def test_the_caret_stands_under_wide_characters_as_a_terminal_shows_them():
    assert Problem("wrong", place("名前: 値x", 1, 5, 2)).render() == (
        "recipe.yaml:1:5: error: wrong\n    1 | 名前: 値x\n      |       ^^^"
    )


def test_combining_marks_take_no_column():
    text = unicodedata.normalize("NFD", "é") * 3 + ": x"
    assert Problem("wrong", place(text, 1, 9)).render().splitlines()[2] == "      |      ^"


def test_tabs_and_control_characters_are_shown_as_spaces_in_the_snippet():
    assert Problem("wrong", place("\ta:\x1b[31m \u202e1", 1, 11)).render() == (
        "recipe.yaml:1:11: error: wrong\n    1 |  a: [31m  1\n      |           ^"
    )


def test_what_a_message_quotes_can_never_reach_the_terminal_raw():
    message = Problem("unknown key '\x1b[2J\x9b31m\n\r\u202e\ud800'").message
    assert message == r"unknown key '\x1b[2J\x9b31m\n\r\u202e\ud800'"


def test_the_name_of_a_source_can_never_reach_the_terminal_raw():
    origin = place("a: 1", 1, 1, name="\x1b[2Jrecipe\n.yaml")
    assert str(origin) == r"\x1b[2Jrecipe\n.yaml:1:1"


@given(st.text(), st.text(), st.integers(1, 50), st.integers(1, 50), st.integers(1, 50))
def test_whatever_a_problem_is_about_it_prints(text, message, line, column, width):
    shown = Problem(message, place(text, line, column, width, name=text)).render()
    assert all(part.isprintable() for part in shown.split("\n"))
    assert len(shown.split("\n")) in (1, 3)


def test_an_error_holds_its_problems_in_the_order_of_the_text_and_each_once():
    text = "a: 1\nb: 2\n"
    first, second = Problem("b", place(text, 1, 4)), Problem("a", place(text, 2, 1))
    nowhere, other = Problem("z"), Problem("c", place(text, 1, 1, name="other.yaml"))
    error = RecipeError([second, first, other, nowhere, first])
    assert error.problems == (nowhere, other, first, second)
    assert str(error) == (
        "error: z\n"
        "other.yaml:1:1: error: c\n    1 | a: 1\n      | ^\n"
        "recipe.yaml:1:4: error: b\n    1 | a: 1\n      |    ^\n"
        "recipe.yaml:2:1: error: a\n    2 | b: 2\n      | ^"
    )


def test_an_error_is_the_users_to_mend():
    error = RecipeError([Problem("wrong; mend it")])
    assert isinstance(error, CompressorError)
    assert error.exit_code == ExitCode.INPUT
    assert (error.what, error.remedy) == ("error: wrong; mend it", "fix the recipe")


def test_an_error_can_be_sent_to_another_process():
    error = RecipeError([Problem("wrong; mend it", place("a: 1", 1, 4))])
    again = pickle.loads(pickle.dumps(error))
    assert again.problems == error.problems
    assert str(again) == str(error)


def test_twenty_thousand_problems_of_a_long_file_are_no_burden():
    text = "a: 1\n" * 100_000
    source = Source("recipe.yaml", tuple(text.splitlines()), Path("/recipes"))
    problems = [Problem("wrong", Origin(source, line, 1)) for line in range(20_000, 0, -1)]
    assert [problem.origin.line for problem in RecipeError(problems).problems] == list(range(1, 20_001))


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("prun", ["ptq", "prune"], "; did you mean 'prune'?"),
        ("quantise", ["ptq", "prune"], "; known: prune, ptq"),
        ("prun", [], "; there is none to choose from"),
        ("x" * 1_000_000, ["prune"], "; known: prune"),
    ],
)
def test_a_hint_names_the_near_word_or_all_there_are(word, known, hint):
    assert did_you_mean(word, known) == hint


def test_a_long_list_is_cut_and_says_how_much_is_missing():
    words = [f"w{number}" for number in range(15)]
    assert listing(words, most=3) == "w0, w1, w2 and 12 more"
    assert listing(words[:3], most=3) == "w0, w1, w2"


def test_quotes_cut_what_is_long():
    assert quoted("prune") == "'prune'"
    assert quoted("x" * 61) == "'" + "x" * 57 + "...'"


@given(st.text())
def test_printable_text_prints_and_is_left_alone_where_it_did_already(text):
    assert printable(text).isprintable()
    assert not text.isprintable() or printable(text) == text
