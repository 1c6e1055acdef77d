import math
import tracemalloc

import pytest

from compressor.recipe.yaml_composer import scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("1.0e-3", 0.001),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("+12", 12),
        ("-0", 0),
        ("007", 7),
        ("0o17", 15),
        ("0x1F", 31),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("+.Inf", math.inf),
        ("true", True),
        ("TRUE", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
    ],
)
def test_plain_text_that_yaml_1_2_knows_is_a_value(text, value):
    found = scalar(text)
    assert (found, type(found)) == (value, type(value))


def test_a_plain_nan_is_not_a_number():
    assert math.isnan(scalar(".nan"))
    assert math.isnan(scalar(".NaN"))


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "no", "on", "off", "y", "n", "Yes", "OFF"),
        *("1_000", "12:30:45", "0b11", "017o", "0O17", "0X1F", "-0x1F", "1e", "e3", ".", "+", "-", "1.2.3"),
        *("inf", "nan", "Infinity", "-.nan", ".iNf", "tRue", "nULL", "2020-01-01", "=", "1e3 "),
        *("\u0661", "\u0663.\u0665"),  # digits, but not those of YAML
    ],
)
def test_plain_text_that_only_yaml_1_1_knows_or_none_at_all_is_text(text):
    assert scalar(text) == text


@pytest.mark.parametrize("text", ["'1'", '"1e-3"', "'true'", "'null'", '"~"', "'.inf'", "|-\n  1", ">-\n  1"])
def test_what_is_quoted_is_text(tree, text):
    assert isinstance(tree(f"a: {text}").plain()["a"], str)


@pytest.mark.parametrize("text", ["1e999", "-1e999", "9" * 10_000, "-" + "9" * 10_000, "1" + "0" * 400 + ".5"])
def test_a_number_beyond_all_bounds_is_refused_rather_than_made_infinite(said, text):
    head, line, _ = said(f"a: {text}").splitlines()
    assert head == "recipe.yaml:1:4: error: this number is too large; write a smaller one"
    assert line == f"    1 | a: {text}"[:108]


def test_whole_numbers_are_exact_however_many_digits_they_have(tree):
    assert tree(f"a: {10**399}").plain() == {"a": 10**399}


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *(("1", "1"), ("1.50", "1.50"), ("true", "true"), ("null", "null"), ("~", "~"), ("0x1F", "0x1F")),
        *(("'a b'", "a b"), ('"a\\tb"', "a\tb"), ("'<<'", "<<"), ("? a", "a"), ("{a: 1, '': 2}: x", None)),
    ],
)
def test_a_key_is_text_as_it_is_written(tree, said, key, name):
    if name is None:
        assert said(key).splitlines()[0] == "recipe.yaml:1:1: error: a key must be plain text; quote it"
    else:
        assert tree(f"{key}\n: 1" if key.startswith("?") else f"{key}: 1").plain() == {name: 1}


@pytest.mark.parametrize(
    ("text", "place"),
    [("? [a]\n: 1", "1:3"), ("? {a: b}\n: 1", "1:3"), ("[a]: 1", "1:1"), ("a: &x 1\n*x : 2", "2:1")],
)
def test_a_key_that_is_no_text_is_refused(said, text, place):
    assert said(text).splitlines()[0] == f"recipe.yaml:{place}: error: a key must be plain text; quote it"


def test_keys_given_twice_are_all_told_nested_ones_too_and_the_first_is_kept(tree, said):
    text = "a: 1\nb: {c: 1, c: 2}\na: 3\n'a': 4\n"
    assert said(text) == (
        "recipe.yaml:2:11: error: 'c' is given twice (first on line 2); keep one\n"
        "    2 | b: {c: 1, c: 2}\n"
        "      |           ^\n"
        "recipe.yaml:3:1: error: 'a' is given twice (first on line 1); keep one\n"
        "    3 | a: 3\n"
        "      | ^\n"
        "recipe.yaml:4:1: error: 'a' is given twice (first on line 1); keep one\n"
        "    4 | 'a': 4\n"
        "      | ^^^"
    )


def test_keys_of_two_types_that_are_the_same_text_are_the_same_key(said):
    assert said("1: a\n'1': b").splitlines()[0] == (
        "recipe.yaml:2:1: error: '1' is given twice (first on line 1); keep one"
    )


def test_merge_keys_are_refused_with_what_to_do_instead(said):
    assert said("a: &a {x: 1}\nb:\n  <<: *a\n") == (
        "recipe.yaml:3:3: error: merge keys are not part of the recipe language; use 'extends', or repeat the values\n"
        "    3 |   <<: *a\n"
        "      |   ^^"
    )


@pytest.mark.parametrize(
    ("text", "place", "tag"),
    [
        ("a: !!python/object/apply:os.system ['id']", "1:4", "tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: !!str 1", "1:4", "tag:yaml.org,2002:str"),
        ("a: !local {b: 1}", "1:4", "!local"),
        ("a: [!<tag:x,2000:y> 1]", "1:5", "tag:x,2000:y"),
        ("!x a: 1", "1:1", "!x"),
        ("a: ! 1", "1:4", "!"),
        ("a: !" + "x" * 100 + " 1", "1:4", "!" + "x" * 56 + "..."),
    ],
)
def test_tags_are_refused_and_nothing_is_made_of_them(said, text, place, tag):
    assert said(text).splitlines()[0] == (
        f"recipe.yaml:{place}: error: the tag '{tag}' is not part of the recipe language; remove it"
    )


def test_anchors_and_aliases_share_a_value_and_each_stands_where_it_is_written(tree):
    root = tree("a: &x {b: [1, 2]}\nc: *x\n")
    assert root.plain() == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}
    assert str(root.find(("c",)).origin) == "recipe.yaml:2:4"
    assert str(root.find(("c",)).key_origin) == "recipe.yaml:2:1"
    assert str(root.find(("c", "b")).origin) == "recipe.yaml:1:11"


def test_an_anchor_may_be_set_anew_and_on_a_key(tree):
    assert tree("&k a: &x 1\nb: *x\nc: &x 2\nd: *x\ne: *k\n").plain() == {"a": 1, "b": 1, "c": 2, "d": 2, "e": "a"}


@pytest.mark.parametrize(("text", "place"), [("a: *x", "1:4"), ("a: &x [1, *x]", "1:11"), ("layers: [*x]", "1:10")])
def test_an_alias_without_an_anchor_before_it_is_told_a_glob_without_quotes_too(said, text, place):
    assert said(text).splitlines()[0] == (
        f"recipe.yaml:{place}: error: there is no anchor 'x' before this; define it first, or quote the text"
    )


def test_a_long_alias_is_cut(said):
    assert said("a: *" + "x" * 100).splitlines()[0] == (
        f"recipe.yaml:1:4: error: there is no anchor '{'x' * 57}...' before this; define it first, or quote the text"
    )


def test_a_second_document_is_refused(said):
    assert said("a: 1\n---\nb: 2\n") == (
        "recipe.yaml:2:1: error: a second document; keep one recipe per file\n    2 | ---\n      | ^^^"
    )


def test_one_document_may_be_marked_as_such(tree):
    assert tree("# a recipe\n---\na: 1\n...\n").plain() == {"a": 1}


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "   \n", "...", "\r", "\ufeff"])
def test_a_text_that_says_nothing_is_null(tree, said, text):
    if text == "...":
        assert said(text).startswith("recipe.yaml:1:1: error: a value was expected here")
    else:
        assert tree(text).plain() is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[" * 100_000, "1:33"),
        ("{a: " * 100_000, "1:129"),
        ("- " * 100_000, "1:65"),
        ("\n".join(" " * level + "a:" for level in range(1_000)), "33:33"),
    ],
)
def test_deep_nesting_is_refused_at_the_first_level_too_many(said, text, place):
    assert said(text).splitlines()[0] == f"recipe.yaml:{place}: error: nested more than 32 deep; flatten it"


def test_thirty_two_levels_are_fine(tree):
    assert tree("[" * 32 + "]" * 32).depth == 32


def test_depth_cannot_be_had_by_aliases_either(said):
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))
    assert said(text).splitlines()[0] == (
        "recipe.yaml:32:12: error: nested more than 32 deep, aliases counted in full; flatten it"
    )


def test_a_billion_laughs_are_refused_before_they_take_memory(said):
    text = "a: &a [" + "lol, " * 10 + "]\n"
    text += "".join(f"{c}: &{c} [{', '.join(['*' + b] * 10)}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True))
    tracemalloc.start()
    head = said(text).splitlines()[0]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert head == ("recipe.yaml:5:12: error: more than 20,000 values, aliases counted in full; write a smaller recipe")
    assert peak < 10_000_000


@pytest.mark.parametrize(
    "text",
    [
        "- a\n" * 200_000,
        "[" + "a, " * 300_000,
        "a: 1\n" * 190_000,
        "".join(f"a{i}: 1\n" for i in range(90_000)),
        "[" + "&a a, " * 160_000,
    ],
    ids=["list", "flow list", "one key", "many keys", "anchors"],
)
def test_too_many_values_are_refused_soon(said, text):
    assert "error: more than 20,000 values, aliases counted in full; write a smaller recipe" in said(text)


@pytest.mark.parametrize(
    "text",
    [
        "!a " * 300_000,
        "&a " * 300_000,
        "? " * 400_000,
        ":" * 900_000,
        '"' + "a" * 900_000,
        "'" + "a\n" * 450_000,
        "".join(f"%TAG !a{i}! b\n" for i in range(60_000)),
        "a\n...\n" + "".join(f"%TAG !a{i}! b\n" for i in range(60_000)),
        "---\n" * 200_000,
        "a: " + "*x " * 300_000,
        "a: |\n" + " b\n" * 300_000 + "c",
        "[" + "," * 900_000,
        "a" * 900_000 + ": 1",
    ],
    ids=lambda text: text[:8],
)
def test_a_megabyte_of_anything_is_refused_soon(said, text):
    assert said(text).startswith("recipe.yaml:")


def test_values_know_where_they_stand(tree):
    root = tree("a:\n  b: [1, 'two', {c: 3.0}]\n  größe: &x text here # comment\n")
    spans = {
        route: (node.origin.line, node.origin.column, node.origin.width, node.key_origin and node.key_origin.column)
        for route, node in root.leaves()
    }
    assert spans == {
        ("a", "b", 0): (2, 7, 1, None),
        ("a", "b", 1): (2, 10, 5, None),
        ("a", "b", 2, "c"): (2, 21, 3, 18),
        ("a", "größe"): (3, 10, 12, 3),
    }
    assert (root.size, root.depth) == (8, 4)


def test_problems_before_a_mistake_are_told_with_it(said):
    assert [line for line in said("a: !x 1\na: 2\nb: [\n").splitlines() if "error" in line] == [
        "recipe.yaml:1:4: error: the tag '!x' is not part of the recipe language; remove it",
        "recipe.yaml:2:1: error: 'a' is given twice (first on line 1); keep one",
        "recipe.yaml:3:5: error: a value was expected here; write one, or quote the text",
    ]
