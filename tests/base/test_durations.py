"""Lengths of time, as people write them."""

import pytest

from compressor.base.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("15m", 900), ("90s", 90), ("1h30m", 5400), (" 1.5 H ", 5400), ("2m 5s", 125), ("0.5s", 0.5)]
)
def test_a_length_of_time_is_read_as_it_is_written(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "m", "0m", "-5m", "5m1h", "a while", "1d", "9" * 50 + "h"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(ValueError) as caught:
        parse_duration(text)
    assert str(caught.value) == f"'{text[:40]}' is no length of time; write 15m, 90s or 1h30m"
