"""A comparison at every width of a terminal: whole columns are left out, and no figure is ever cut."""

import io
import re

import pytest
from run_folders import metric, right
from shown_tables import parted

from compressor.comparing.compared_run import run_at
from compressor.comparing.comparison_screen import print_comparison, print_files
from compressor.comparing.file_comparison import FileComparison, OperatorKind
from compressor.comparing.run_comparison import comparison_of
from compressor.report.screen import Screen

WIDTHS = range(40, 201)


@pytest.fixture
def comparison(made):
    rmse = {"share": False, "higher_is_better": False, "low": 0.28, "high": 0.32}
    runs = [
        made(name, right(count), bytes=size, unpacked_bytes=999_900_000, macs=1_234_567_890,
             metrics={"rmse": metric(value=0.30, **rmse)})
        for name, count, size in (("a", 9_820, 999_900_000), ("b", 9_700, 123_400_000))
    ]  # fmt: skip
    return comparison_of([run_at(path, place) for place, path in enumerate(runs)])


def shown(show, width):
    screen = Screen(file=io.StringIO(), width=width)
    show(screen)
    return [line.rstrip() for line in screen.file.getvalue().splitlines()]


def table_of(lines):
    """The lines from the first heading to the end of its rows."""
    start = next(place for place, line in enumerate(lines) if re.match(r" +size", line))
    return lines[start : start + 4]


def test_figures_are_whole_at_every_width_and_the_metric_stays_longest(comparison):
    widest = table_of(shown(lambda screen: print_comparison(comparison, screen), 400))
    known = set(" ".join(widest).split())
    columns = []
    for width in WIDTHS:
        lines = table_of(shown(lambda screen: print_comparison(comparison, screen), width))
        assert max(map(len, lines)) <= width
        assert {word for line in lines if "─" not in line for word in line.split()} <= known
        assert "accuracy" in lines[0]
        assert lines[3].startswith("B") and "-1.20 pt" in lines[3]
        columns.append(len(re.split(r"\s{2,}", lines[3])))
    assert columns == sorted(columns)
    _, left_out = parted(shown(lambda screen: print_comparison(comparison, screen), 60))
    assert left_out == [
        "vs A of size",
        "vs A of gzip",
        "packed",
        ".tflite",
        "zeros",
        "p50",
        "in float",
        "MACs",
        "parameters",
    ]
    heads = "size vs A gzip vs A packed .tflite zeros accuracy vs A p50 in float MACs parameters"
    assert widest[0].split() == heads.split()


def test_each_further_metric_has_a_table_of_its_own(comparison):
    lines = shown(lambda screen: print_comparison(comparison, screen), 100)
    assert next(line.split() for line in lines if "rmse" in line) == ["rmse", "vs", "A"]
    assert " B against A: rmse is the same" in lines


def test_a_table_of_operators_is_whole_at_every_width(comparison):
    kinds = tuple(
        OperatorKind(name, (1_234, 12), ("float32", "int8"), (999_900_000, 123_400_000))
        for name in ("UNIDIRECTIONAL_SEQUENCE_LSTM", "CONV_2D")
    )
    file = FileComparison(kinds, (), (), (), 3, (999_900, 1))
    first, other = comparison.runs
    known = set(" ".join(shown(lambda screen: print_files(first, other, file, screen), 400)).split())
    for width in WIDTHS:
        lines = shown(lambda screen: print_files(first, other, file, screen), width)
        assert max(map(len, lines)) <= width
        words = {word for line in parted(lines)[0] if "─" not in line for word in line.split()}
        assert {word for word in words - known if word.rstrip(":") not in known} == set(), width
