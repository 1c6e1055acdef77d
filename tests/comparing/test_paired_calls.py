"""Times of calls are compared by their ratios to a baseline that both runs have in common, or it is told why not."""

import pytest
from run_folders import right

from compressor.comparing.compared_run import run_at
from compressor.comparing.comparison_cells import change_lines
from compressor.comparing.condition import parse_condition
from compressor.comparing.paired_calls import call_change
from compressor.comparing.run_comparison import as_data, comparison_of

BASELINE = {"stages/1-ptq.tflite": "a" * 64}  # the runs have one stage, which is their first


@pytest.fixture
def timed(made):
    """A function that writes a run with a ratio to the baseline and its interval, and other changes."""

    def write(name, ratio=None, low=None, high=None, **changes):
        figures = {"latency_ratio": ratio, "latency_ratio_low": low, "latency_ratio_high": high}
        figures |= {"latency_median": 20e-6, "latency_threads": 1, "timed_on": "Processor 1", "files": BASELINE}
        return made(name, right(90, 100), **figures | changes)

    return write


def changed(first, other):
    return call_change(run_at(first, 0), run_at(other, 1))


def test_runs_with_the_same_baseline_are_compared_by_their_ratios(timed):
    change = changed(timed("a", 0.5, 0.48, 0.51), timed("b", 0.4, 0.39, 0.42))
    assert (change.ratio, change.low, change.high) == (0.8, pytest.approx(0.39 / 0.51), pytest.approx(0.42 / 0.48))
    assert change.better is True
    assert change.text == (
        "B against A: a call takes 0.80 times the time (0.76 to 0.88), faster, by their ratios to the same baseline"
    )
    slower = changed(timed("c", 0.4, 0.39, 0.42), timed("d", 0.5, 0.48, 0.51))
    assert slower.better is False and "1.25 times the time (1.14 to 1.31), slower" in slower.text
    same = changed(timed("e", 0.4, 0.38, 0.42), timed("f", 0.4, 0.38, 0.42))
    assert same.better is None and "1.00 times the time (0.90 to 1.11), within noise" in same.text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ratio": None}, "B did not time its stages in turn"),
        ({"timed_on": "Processor 2"}, "they were timed on other machines, Processor 1 (Linux x86_64) and Processor 2 "
                                      "(Linux x86_64)"),
        ({"latency_threads": 4}, "they were timed with other threads, 1 and 4"),
        ({"files": {"stages/1-ptq.tflite": "b" * 64}}, "their baselines are other files"),
        ({"files": {}}, "their baselines are other files"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_says_why(timed, changes, why):
    other = {"ratio": 0.4, "low": 0.39, "high": 0.42} | changes
    first = timed("a", 0.5, 0.48, 0.51)
    change = changed(first, timed("b", **other))
    assert (change.ratio, change.better) == (None, None)
    assert change.text == f"B against A: times of a call cannot be compared: {why}"


def test_runs_that_timed_nothing_in_turn_are_compared_as_before(made):
    first, other = (run_at(made(name, right(90, 100)), place) for place, name in enumerate("ab"))
    assert call_change(first, other) is None
    assert as_data(comparison_of([first, other]))["calls"] == []


def test_the_change_stands_among_the_lines_and_in_json(timed):
    runs = [run_at(timed("a", 0.5, 0.48, 0.51), 0), run_at(timed("b", 0.4, 0.39, 0.42), 1)]
    comparison = comparison_of(runs)
    assert list(change_lines(comparison))[-1] == (call_change(*runs).text, True)
    (data,) = as_data(comparison)["calls"]
    assert data == {
        "run": "B", "ratio": 0.8, "low": pytest.approx(0.39 / 0.51), "high": pytest.approx(0.42 / 0.48), "why_not": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ratio", "failed", "text"),
    [
        ((0.6, 0.58, 0.62), True,
         "latency +20.00 % to 24 µs, beyond the limit +10%, beyond noise by calls timed in turn, 1.20 times the time "
         "(1.14 to 1.29)"),
        ((0.6, 0.5, 0.7), False,
         "latency +20.00 % to 24 µs, beyond the limit +10% but within noise by calls timed in turn, 1.20 times the "
         "time (0.98 to 1.46)"),
        ((0.5, 0.49, 0.51), False,
         "latency +0.00 % to 20 µs, within the limit +10%, within noise by calls timed in turn, 1.00 times the time "
         "(0.96 to 1.06)"),
    ],
)  # fmt: skip
def test_the_gate_holds_a_change_of_latency_against_the_ratios(timed, ratio, failed, text):
    runs = [run_at(timed("a", 0.5, 0.48, 0.51), 0), run_at(timed("b", *ratio), 1)]
    (gate,) = comparison_of(runs, [parse_condition("latency > +10%")]).gates
    assert (gate.failed, gate.text) == (failed, text)
