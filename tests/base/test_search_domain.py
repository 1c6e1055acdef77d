"""What the value of a parameter may be while a search looks for the best one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.base.search_domain import Search

NUMBERS = st.floats(-1e6, 1e6).map(lambda number: float(f"{number:.6g}"))


@pytest.mark.parametrize(
    ("search", "count", "ends", "every", "text"),
    [
        (Search.of(8, 16, 32), 3, (8, 16, 32), (8, 16, 32), "8, 16, 32"),
        (Search.of("int8", None, True), 3, ("int8", None, True), ("int8", None, True), "int8, null, true"),
        (Search.between(2, 5), 4, (2, 5), (2, 3, 4, 5), "2 to 5"),
        (Search.between(2, 9, step=3), 3, (2, 8), (2, 5, 8), "2 to 9, by 3"),
        (Search.between(0.5, 0.65, step=0.05), 4, (0.5, 0.65), (0.5, 0.55, 0.6, 0.65), "0.5 to 0.65, by 0.05"),
        (Search.between(1, 2, step=0.5), 3, (1.0, 2.0), (1.0, 1.5, 2.0), "1 to 2, by 0.5"),
        (Search.between(1e-4, 1e-2, log=True), None, (1e-4, 1e-2), (1e-4, 1e-2), "0.0001 to 0.01, log"),
    ],
)
def test_a_search_knows_how_many_values_there_are_and_which_lie_at_its_ends(search, count, ends, every, text):
    assert (search.count, search.ends, search.every_value, str(search)) == (count, ends, every, text)
    assert [type(one) for one in search.ends] == [type(one) for one in ends]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Search.of(), "a search needs values to pick from"),
        (lambda: Search.of(4, 8, 4), "4 is listed twice; remove one of the two"),
        (lambda: Search.between(2, 2), "'low' must be below 'high', and 2 is not below 2"),
        (lambda: Search.between(float("nan"), 2), "'low' must be a number with an end"),
        (lambda: Search.between(1, float("inf")), "'high' must be a number with an end"),
        (lambda: Search.between(0, 1, log=True), "'log' needs numbers above 0, and 'low' is 0"),
        (lambda: Search.between(1, 9, log=True, step=2), "'log' and 'step' exclude each other; remove one of the two"),
        (lambda: Search.between(1, 3, step=4), "'step' must be above 0 and at most 2, the width of the range"),
        (lambda: Search.between(1, 3, step=0), "'step' must be above 0 and at most 2, the width of the range"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == message


def test_one_and_true_are_different_values():
    assert Search.of(1, True).count == 2


@given(NUMBERS, NUMBERS, st.floats(0, 1))
def test_a_number_that_is_rounded_stays_in_its_range_and_is_short(one, other, share):
    if one == other:
        return
    search = Search.between(min(one, other), max(one, other))
    number = search.rounded(search.low + share * (search.high - search.low))
    assert search.low <= number <= search.high
    assert number in (search.low, search.high) or number == float(f"{number:.6g}")
    assert search.rounded(number) == number


@given(st.integers(-50, 50), st.integers(1, 60), st.integers(1, 9))
def test_every_whole_number_of_a_range_with_steps_is_its_own_rounding(low, width, step):
    search = Search.between(low, low + width, step=min(step, width))
    assert [search.rounded(number) for number in search.every_value] == list(search.every_value)
    assert len(search.every_value) == search.count
    assert search.every_value[-1] <= search.high < search.every_value[-1] + search.step


@pytest.mark.parametrize(
    ("search", "values"),
    [
        (Search.of("a", "b", "c"), ["a", "a", "b", "c"]),
        (Search.between(2, 8, step=2), [2, 4, 6, 8]),
        (Search.between(0.0, 1.0), [0.0, 0.25, 0.5, 0.999]),
        (Search.between(1, 10_000, log=True), [1, 10, 100, 9909]),
        (Search.between(1e-4, 1.0, log=True), [1e-4, 1e-3, 1e-2, 0.990832]),
    ],
)
def test_equal_shares_of_a_search_have_equally_many_values(search, values):
    assert [search.at_share(share) for share in (0, 0.25, 0.5, 0.999)] == values


@given(st.integers(1, 50), st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_whole_numbers_on_a_logarithmic_scale_are_all_reached(low, width, share):
    search = Search.between(low, low + width, log=True)
    assert low <= search.at_share(share) <= low + width
    assert (search.at_share(0), search.at_share(1 - 1e-12)) == (low, low + width)
