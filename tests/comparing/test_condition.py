"""The conditions of `--fail-if`: what they mean, and where a mistake is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.comparing.condition import UNITS, AllOf, AnyOf, Comparison, ConditionError, comparisons, parse_condition


def test_and_binds_closer_than_or_and_brackets_closer_than_both():
    condition = parse_condition("a < 1 or b > 2 and c <= 3")
    assert isinstance(condition, AnyOf)
    assert [type(part) for part in condition.parts] == [Comparison, AllOf]
    assert isinstance(parse_condition("(a < 1 or b > 2) and c <= 3"), AllOf)
    assert [one.text for one in comparisons(condition)] == ["a < 1", "b > 2", "c <= 3"]


@pytest.mark.parametrize(
    ("text", "signed", "measure", "value"),
    [
        ("-0.2pt", True, "points", -0.002),
        ("+2%", True, "percent", 0.02),
        ("97 %", False, "percent", 0.97),
        ("10 kB", False, "bytes", 10_000),
        ("10KB", False, "bytes", 10_000),
        ("1.5MiB", False, "bytes", 1_572_864),
        ("+500b", True, "bytes", 500),
        ("2ms", False, "seconds", 0.002),
        ("30 µs", False, "seconds", 30e-6),
        ("30 μs", False, "seconds", 30e-6),
        ("-1e-3", True, "", -0.001),
        (".5", False, "", 0.5),
    ],
)
def test_an_amount_is_a_change_with_a_sign_and_a_figure_without(text, signed, measure, value):
    amount = parse_condition(f"x < {text}").amount
    assert (amount.signed, amount.measure) == (signed, measure)
    assert amount.value == pytest.approx(value)


def test_a_name_of_other_characters_stands_in_quotes():
    assert parse_condition("'accuracy (digit)' < -1pt").name == "accuracy (digit)"
    assert parse_condition('"top 5"<-1pt').name == "top 5"


@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        ("a < 1 or", "the name of a figure is missing at the end; write it like 'accuracy < -0.2pt'", (8, 9)),
        ("accuracy", "a comparison is missing at the end; use <, <=, > or >=", (8, 9)),
        ("accuracy < ", "a number is missing at the end; write it like -0.2pt, +2% or 10kB", (10, 11)),
        ("accuracy = 1", "'=' means nothing here; use <, <=, > or >=", (9, 10)),
        ("accuracy < size", "a number must stand here, not 'size'; write it like -0.2pt, +2% or 10kB", (11, 15)),
        ("size > 2 tons", "'tons' is no unit; use one of %, pt, B, kB, MB, GB, KiB, MiB, GiB, s, ms, us, µs", (7, 13)),
        ("size > +2% size < 1", "'size' is one too many; join conditions by 'and' or 'or'", (11, 15)),
        ("(size > 1", "this bracket is not closed; add ')'", (0, 1)),
        ("size > 1 or and", "there is a condition missing here; write it like 'accuracy < -0.2pt'", (12, 15)),
        ("size > 1e999", "this number is too large; write a smaller one", (7, 12)),
        ("size > 1; rm", "';' means nothing here; write it like 'accuracy < -0.2pt or size > +2%'", (8, 9)),
        ("a < 1 && b < 2", "'&' means nothing here; join conditions by 'and' or 'or'", (6, 7)),
        (
            "a < 0,97",
            "',' means nothing here; write decimals with a point, and join conditions by 'and' or 'or'",
            (5, 6),
        ),
        ("a < \u22121", "'\u2212' means nothing here; write the sign '-'", (4, 5)),
        ("(" * 21 + "a < 1" + ")" * 21, "there are too many brackets in brackets; use at most 20", (20, 21)),
    ],
)
def test_a_mistake_is_shown_in_its_place(text, what, place):
    with pytest.raises(ConditionError) as error:
        parse_condition(text)
    marks = " " * place[0] + "^" * (place[1] - place[0])
    assert str(error.value) == f"--fail-if: {what}\n    {text}\n    {marks}"
    assert error.value.exit_code == 2


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_condition_is_told(text):
    with pytest.raises(ConditionError) as error:
        parse_condition(text)
    assert str(error.value) == EMPTY


def test_a_condition_of_any_length_is_refused_before_it_is_read():
    with pytest.raises(ConditionError) as error:
        parse_condition("(" * 1_001)
    assert str(error.value) == "--fail-if: the condition has 1,001 characters; use at most 1,000"


EMPTY = "--fail-if: the condition is empty; write it like 'accuracy < -0.2pt', or leave it out"
NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True).filter(lambda name: name not in ("and", "or"))
AMOUNTS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "+", "-"]),
    st.integers(0, 10**6),
    st.sampled_from(["", " "]),
    st.sampled_from(["", *UNITS]),
)
COMPARISONS = st.tuples(NAMES, st.sampled_from(["<", "<=", ">", ">="]), AMOUNTS)
TREES = st.recursive(
    COMPARISONS,
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=8,
)


def written(tree, space):
    if len(tree) == 3:
        name, operator, amount = tree
        return f"{name}{space}{operator}{space}{amount}"
    joined = f" {tree[0]} ".join(written(part, space) for part in tree[1])
    return f"({joined})"


def meant(condition):
    if isinstance(condition, Comparison):
        span = condition.amount.span
        return condition.name, condition.operator, span.text[span.start : span.end]
    word = "and" if isinstance(condition, AllOf) else "or"
    return word, [meant(part) for part in condition.parts]


def stripped(tree):
    return (*tree[:2], tree[2].rstrip()) if len(tree) == 3 else (tree[0], [stripped(part) for part in tree[1]])


@given(TREES, st.sampled_from(["", " ", "  "]))
def test_every_condition_is_read_as_it_is_meant(tree, space):
    assert meant(parse_condition(written(tree, space))) == stripped(tree)


@given(st.one_of(st.text(max_size=60), st.text("aor nd<>=()+-.0123456789%ptkB'\"", max_size=60)))
def test_any_text_is_parsed_or_told_with_a_place_within_it(text):
    try:
        parse_condition(text)
    except ConditionError as error:
        if not text.strip():
            assert str(error) == EMPTY
            return
        what, _, marks = str(error).rsplit("\n", 2)
        assert what.startswith("--fail-if: ")
        assert set(marks.strip()) == {"^"}
        assert marks.rstrip().count("^") <= max(1, len(text))
