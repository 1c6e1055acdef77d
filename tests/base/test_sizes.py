import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.base.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("4096", 4096), ("4096 B", 4096), ("25 kB", 25_000), ("25kB", 25_000), (" 25  KB ", 25_000)),
        *(("1.5 MB", 1_500_000), ("1.5 MiB", 1_572_864), ("2 KiB", 2_048), ("1 GiB", 2**30), ("1 gb", 10**9)),
        *(("0.4 B", 0), ("7.7 kB", 7_700), ("0 B", 0)),
    ],
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        *("", "kB", "25 kilos", "25 kB kB", "-1 kB", "+1 kB", "1e3 kB", "1,000", "1_000", ".5 kB", "5. kB", "25 k"),
        *("\u0662 kB", "9" * 16, "1." + "0" * 10, "inf", "nan B", "1 kB\n2"),
    ],
)
def test_text_that_is_no_size_is_refused(text):
    with pytest.raises(ValueError) as caught:
        parse_size(text)
    assert str(caught.value) == (f"'{text}' is not a size; write bytes, or a number with kB, MB, GB, KiB, MiB or GiB")


def test_long_text_that_is_no_size_is_cut():
    with pytest.raises(ValueError, match=r"^'9{37}\.\.\.' is not a size; "):
        parse_size("9" * 1_000_000)


@pytest.mark.parametrize("value", [4096, 1.5, True, None, [], {}])
def test_what_is_not_text_is_left_to_the_type_check(value):
    assert parse_size(value) is value


@pytest.mark.parametrize(
    ("size", "text"),
    [
        *((0, "0 B"), (1, "1 B"), (999, "999 B"), (999.4, "999 B"), (999.6, "1.0 kB"), (1_000, "1.0 kB")),
        *((23_649, "23.6 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"), (1_500_000, "1.5 MB")),
        *((999_949_000, "999.9 MB"), (999_950_000, "1.0 GB"), (10**12, "1000.0 GB"), (-25_000, "-25.0 kB")),
    ],
)
def test_sizes_are_shown_in_the_unit_that_fits(size, text):
    assert format_size(size) == text


@given(st.integers(0, 10**13))
def test_what_is_shown_is_read_again_as_nearly_the_same(size):
    assert parse_size(format_size(size)) == pytest.approx(size, rel=0.051)
