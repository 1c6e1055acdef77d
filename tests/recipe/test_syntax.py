import pytest

from compressor.recipe import syntax


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("a: b: c", "1:5", "a ':' cannot stand here; quote the text, or line the key up with those around it"),
        ("a: 1\n b: 2", "2:3", "a ':' cannot stand here; quote the text, or line the key up with those around it"),
        ("a:\n- 1\nb\n", "3:2", "this line is not a key with a value; write it as 'key: value', or quote the text"),
        (
            "a: 1\n- b",
            "2:1",
            "a key was expected here; line it up with those around it, or look for a quote or bracket just before it",
        ),
        (
            "a: 'x' y",
            "1:8",
            "a key was expected here; line it up with those around it, or look for a quote or bracket just before it",
        ),
        ("- a\nb: 1", "2:1", "a list entry was expected here; start it with '- ', below the others"),
        ("a: - 1", "1:4", "a list cannot start here; start it on a line of its own"),
        ("a: [1, 2\nb: 3", "2:2", "the list that '[' opened is not closed here; add a ',' or the ']'"),
        ("a: [1", "1:6", "the list that '[' opened is not closed here; add a ',' or the ']'"),
        ("a: {b: 1\nc: 2", "2:2", "the mapping that '{' opened is not closed here; add a ',' or the '}'"),
        ('a: "x\nb: 1\n', "1:4", "the quote that opens here is never closed; close it"),
        ("a: 'x", "1:4", "the quote that opens here is never closed; close it"),
        ("a: }", "1:4", "a value was expected here; write one, or quote the text"),
        ("a: @x", "1:4", "a value cannot start with this character; quote the text"),
        ("a: `x`", "1:4", "a value cannot start with this character; quote the text"),
        ("layers: [*]", "1:10", "'*' and '&' have a special meaning in YAML; quote the text"),
        ("a: & b", "1:4", "'*' and '&' have a special meaning in YAML; quote the text"),
        ("a: |x\n 1", "1:5", "text cannot follow '|' or '>' here; start it on the next line"),
        (
            r'a: "C:\models"',
            "1:7",
            r"an unknown escape in double quotes; write '\\' for a backslash, or use single quotes",
        ),
        (r'a: "\ud800"', "1:7", "this escape stands for no character; remove it"),
        ("a: !b!c d", "1:4", "tags are not part of the recipe language; remove it, or quote the text"),
        ("{a: 1} b", "1:8", "the recipe has ended before this; remove what follows"),
        ("%YAML 1.1\n---\na: 1", "1:1", "a line cannot start with '%'; remove it, or indent it"),
        ("a: !<x", "1:7", "did not find the expected '>'; fix the YAML here or just above"),
    ],
)
def test_a_mistake_is_told_where_it_is_in_words_that_help(said, text, place, problem):
    head, line, caret = said(text).splitlines()
    assert head == f"recipe.yaml:{place}: error: {problem}"
    number, column = map(int, place.split(":"))
    assert line == f"    {number} | {text.splitlines()[number - 1]}"
    assert caret.index("^") == len("    1 | ") + column - 1


@pytest.mark.parametrize("text", ["a:\n\t- 1", "a:\n  b: 1\n\tc: 2", "\ta: 1", "a: 1\n \tb: 2", "- \t- a\n\t- b"])
def test_a_tab_in_the_indentation_is_told_as_such(said, text):
    assert ": error: a tab cannot indent YAML; indent with spaces\n" in said(text)


def test_a_tab_that_is_not_to_blame_is_not_blamed(said):
    assert said("a: b\t# c\n x: y").splitlines()[0] == (
        "recipe.yaml:2:2: error: a key was expected here; "
        "line it up with those around it, or look for a quote or bracket just before it"
    )


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("\x01", "1:1", "0001"),
        ("a: 1\nb: \x1b[31m", "2:4", "001B"),
        ("größe: 漢\x07", "1:9", "0007"),
        ("a: \ud800", "1:4", "D800"),
        ("a: 1\r\nb: \x7f", "2:4", "007F"),
        ("a: 1\rb: \ufffe", "2:4", "FFFE"),
        ("a\x0bb", "1:2", "000B"),
        ("a\x85\x0c", "2:1", "000C"),
        ("a: \0", "1:4", "0000"),
    ],
)
def test_a_character_that_yaml_has_no_place_for_is_told_by_its_number(said, text, place, code):
    head = said(text).splitlines()[0]
    assert head == f"recipe.yaml:{place}: error: the character U+{code} is not allowed in a recipe; remove it"


def test_a_text_that_ends_too_soon_is_told_at_the_end_of_its_last_line(said):
    assert said("a:\n  b: [1, 2\n") == (
        "recipe.yaml:2:11: error: the list that '[' opened is not closed here; add a ',' or the ']'\n"
        "    2 |   b: [1, 2\n"
        "      |           ^"
    )


def test_every_way_of_saying_it_ends_in_what_to_do():
    for said in syntax._MESSAGES.values():
        what, _, remedy = said.partition("; ")
        assert what and remedy
