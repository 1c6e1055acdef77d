"""What is shown of trials that run at once: rows in a terminal, and lines with their time anywhere else."""

import io
import re
import sys
from types import SimpleNamespace

import pytest

from compressor.recipe.objectives import Goal
from compressor.report.screen import Screen
from compressor.search import compression_lines
from compressor.search.compression_lines import CompressionLines
from compressor.search.counted_trials import Counting
from compressor.search.search_report import TrialLines
from compressor.search.trial_record import Front, TrialRecord
from compressor.search.worker_rows import Warnings

GOALS = (
    Goal("size", False, lambda _: None, "{:.0f} B".format),
    Goal("accuracy", True, lambda _: None, "{:.2%}".format),
)


def plain(text):
    """What a terminal shows of it, without control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def tell(lines):
    """Two trials that begin, of which one ends."""
    lines.began(1, ("prune", "qat", "ptq"))
    lines.doing(1, 1, "prune")
    lines.doing(1, 1, "prune: epoch 2/6, 0:41 left")
    lines.began(2, ("ptq",))
    lines.doing(2, 2, "ptq: measuring")
    lines.fewer_workers(2, 4, "one takes 1.2 GB, and 500.0 MB are free")
    lines.finished(TrialRecord(1, {}, "done", (20.0, 0.98), {}, "", 41.0), None)


@pytest.mark.parametrize("options", [{}, {"force_terminal": True}])
def test_without_a_terminal_there_is_a_line_with_the_time_for_each_step_and_not_for_each_epoch(options, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")  # with which a terminal can do no more than print lines
    shown = io.StringIO()
    with TrialLines(Screen(shown, 200, **options), False, 2) as lines:
        lines.follow(GOALS, Front(GOALS))
        tell(lines)
    told = shown.getvalue().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d ", line) for line in told)
    assert [line.split(" ", 1)[1] for line in told] == [
        "trial 1 begins: prune -> qat -> ptq",
        "worker 1, trial 1: prune",
        "trial 2 begins: ptq",
        "2 workers instead of 4, since one takes 1.2 GB, and 500.0 MB are free",
        "trial 1  size 20 B, accuracy 98.00%  (41 s)",
    ]


def test_in_a_terminal_of_80_columns_each_worker_has_a_row_below_the_lines():
    shown = io.StringIO()
    with TrialLines(Screen(shown, 80, force_terminal=True, color_system=None), False, 2) as lines:
        front = Front(GOALS)
        lines.follow(GOALS, front)
        front.add(TrialRecord(1, {}, "done", (20.0, 0.98)))
        tell(lines)
    told = [line.rstrip() for line in plain(shown.getvalue()).replace("\r", "\n").splitlines()]
    assert max(map(len, told)) <= 80
    assert re.search(r"^1 +1 +prune -> qat -> ptq +prune: epoch 2/6, 0:41 left$", "\n".join(told), re.MULTILINE)
    assert re.search(r"^2 +2 +ptq +ptq: measuring$", "\n".join(told), re.MULTILINE)
    assert "not shown here" not in shown.getvalue()
    assert re.search(r"^trial 1 +20 B +98.00%$", "\n".join(told), re.MULTILINE)
    assert " trial 1  size 20 B, accuracy 98.00%  among the best  (41 s)" in told


def test_where_the_steps_have_no_room_the_rows_do_without_them():
    shown = io.StringIO()
    with TrialLines(Screen(shown, 60, force_terminal=True, color_system=None), False, 2) as lines:
        lines.follow(GOALS, Front(GOALS))
        tell(lines)
    told = [line.rstrip() for line in plain(shown.getvalue()).replace("\r", "\n").splitlines()]
    assert re.search(r"^1 +1 +prune: epoch 2/6, 0:41 left$", "\n".join(told), re.MULTILINE)
    assert "not shown here" not in shown.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_lines_are_broken_between_words_in_a_narrow_terminal_alone(terminal):
    shown = io.StringIO()
    screen = Screen(shown, 40, force_terminal=terminal, color_system=None)
    with TrialLines(screen, False, 0) as lines:
        lines.say("trial 1  size 8.6 kB  the best so far, in compressed/two/2026-11-30T12-32-04-bb1030/best")
    told = [line.rstrip() for line in plain(shown.getvalue()).splitlines()]
    assert [line for line in told if line] == [
        " trial 1  size 8.6 kB  the best so far,",
        "   in",
        "   compressed/two/2026-11-30T12-32-04-bb1030/best",
    ] if terminal else len(told) == 1  # fmt: skip


@pytest.mark.parametrize("silent", [True, False])
def test_a_warning_of_each_trial_is_told_once_with_json_too(silent):
    shown = io.StringIO()
    with TrialLines(Screen(shown, 80), silent, 0) as lines:
        for _ in range(2):
            Warnings(lines).warned("the inputs are odd")
    assert shown.getvalue() == " warning: the inputs are odd\n"


def test_what_libraries_print_stays_in_the_log_that_standard_error_leads_to(tmp_path, monkeypatch):
    with (tmp_path / "screen").open("w") as shown, (tmp_path / "log").open("w") as log:
        monkeypatch.setattr(sys, "stderr", log)
        with TrialLines(Screen(shown, 80, force_terminal=True), False, 0):
            print("a library speaks", file=sys.stderr)
        monkeypatch.setattr(sys, "stderr", shown)
        with TrialLines(Screen(shown, 80, force_terminal=True), False, 0):
            print("without a log", file=sys.stderr)
    assert (tmp_path / "log").read_text() == "a library speaks\n"
    assert "library" not in (tmp_path / "screen").read_text()
    assert "without a log" in (tmp_path / "screen").read_text()


def test_trials_that_were_not_run_again_are_not_counted_in_the_status():
    told = []
    status = SimpleNamespace(tried=told.append)
    one, same = TrialRecord(1, {}, "done", (20.0, 0.98)), TrialRecord(2, {}, "done", (20.0, 0.98), repeats=1)
    with TrialLines(Screen(io.StringIO()), True, 0) as lines:
        lines.follow(GOALS, Front(GOALS))
        counting = Counting(lines, status, [one, same])
        counting.finished(TrialRecord(3, {}, "failed"), None)
        counting.finished(TrialRecord(4, {}, "done", (20.0, 0.98), repeats=1), None)
    assert told == [2, 2]


def test_with_json_nothing_is_shown():
    shown = io.StringIO()
    with TrialLines(Screen(shown), True, 2) as lines:
        lines.follow(GOALS, Front(GOALS))
        tell(lines)
    assert shown.getvalue() == ""


class NoBest:
    """A place for the best that takes none."""

    record = path = None

    def offer(self, record, folder):
        return False


def test_how_many_trials_there_is_room_for_is_told_by_those_so_far_and_not_before(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(compression_lines.time, "monotonic", lambda: now[0])
    shown = io.StringIO()
    with CompressionLines(Screen(shown), False, 2, minutes=10) as lines:
        lines.follow(GOALS, NoBest())
        now[0] += 30
        lines.finished(TrialRecord(1, {}, "failed", reason="it broke"), tmp_path)
        now[0] += 30
        lines.finished(TrialRecord(2, {}, "done", (20.0, 0.98), {"size": 0.1}, "", 40.0), tmp_path)
        now[0] += 60
        lines.finished(TrialRecord(3, {}, "done", (20.0, 0.98), {}, "", 80.0), tmp_path)
        now[0] += 455
        lines.finished(TrialRecord(4, {}, "done", (20.0, 0.98), {}, "", 60.0, repeats=1), None)
    assert [line.split(" ", 1)[1] for line in shown.getvalue().splitlines()] == [
        "trial 1  failed: it broke",
        "9:30 left; how long a trial takes is known after the first",
        "trial 2  size 20 B, accuracy 98.00%  misses size",
        "9:00 left, about 27 more trials, by the 1 so far (0:40 on average)",
        "trial 3  size 20 B, accuracy 98.00%  (80 s)",
        "8:00 left, about 16 more trials, by the 2 so far (1:00 on average)",
        "trial 4 as trial 1  size 20 B, accuracy 98.00%  (60 s)",
        "0:25 left, less than a trial took so far (1:00 on average)",
    ]


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_a_trial_that_came_to_nothing_says_why(state):
    shown = io.StringIO()
    with TrialLines(Screen(shown, 80), False, 0) as lines:
        lines.follow(GOALS, Front(GOALS))
        lines.finished(TrialRecord(1, {}, state, reason="the reason"), None)
    assert shown.getvalue() == (" trial 1  the reason\n" if state == "stopped" else " trial 1  failed: the reason\n")


def test_a_best_that_misses_limits_is_shown_as_such():
    lines, best = CompressionLines(Screen(io.StringIO(), 90), False, 1, minutes=10), NoBest()
    lines.follow(GOALS, best)
    best.record = TrialRecord(3, {}, "done", (20.0, 0.98), {"max_size": 0.1})
    assert str(lines.below()[0]) == " best so far: size 20 B, accuracy 98.00% (trial 3); it misses max_size"
