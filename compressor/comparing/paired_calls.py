"""How the time of a call differs between two runs, by the ratio of each to the baseline that both have in common."""

from __future__ import annotations

from dataclasses import dataclass

from compressor.comparing.compared_run import ComparedRun
from compressor.contracts.report_rows import Report


@dataclass(frozen=True)
class CallChange:
    """The change in the time of a call between two runs' files, as a ratio.

    Attributes:
        run: the letter of the run that is compared.
        first: that of the run that it is compared with.
        ratio: of its time to the other's; None where they cannot be compared.
        low: the lower end of an interval that holds the ratio if both runs' own 95 % intervals hold theirs.
        high: the upper end.
        why_not: why they cannot be compared; empty where they can.
    """

    run: str
    first: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    why_not: str = ""

    @property
    def better(self) -> bool | None:
        """Whether it is faster; None where the interval leaves it open, or they cannot be compared."""
        if self.low is None or self.high is None or self.low <= 1 <= self.high:
            return None
        return self.high < 1

    @property
    def interval_text(self) -> str:
        """`0.89 times the time (0.87 to 0.91)`."""
        return f"{self.ratio:.2f} times the time ({self.low:.2f} to {self.high:.2f})"

    @property
    def text(self) -> str:
        """The change, or why there is none, as a sentence."""
        both = f"{self.run} against {self.first}"
        if self.why_not:
            return f"{both}: times of a call cannot be compared: {self.why_not}"
        verdict = {True: "faster", False: "slower", None: "within noise"}[self.better]
        return f"{both}: a call takes {self.interval_text}, {verdict}, by their ratios to the same baseline"


def call_change(first: ComparedRun, other: ComparedRun) -> CallChange | None:
    """The change of the time of a call; None where neither run has timed its stages in turn."""
    a, b = first.last, other.last
    if a.latency_ratio is None and b.latency_ratio is None:
        return None
    if why_not := _why_not(first, other):
        return CallChange(other.letter, first.letter, why_not=why_not)
    assert a.latency_ratio and b.latency_ratio and a.latency_ratio_low and a.latency_ratio_high
    assert b.latency_ratio_low and b.latency_ratio_high
    ratio, low = b.latency_ratio / a.latency_ratio, b.latency_ratio_low / a.latency_ratio_high
    return CallChange(other.letter, first.letter, ratio, low, b.latency_ratio_high / a.latency_ratio_low)


def _why_not(first: ComparedRun, other: ComparedRun) -> str:
    for run in (first, other):
        if run.seeds:
            return f"{run.letter} is of several seeds, each timed for itself"
        if not (run.last.latency_ratio and run.last.latency_ratio_low and run.last.latency_ratio_high):
            return f"{run.letter} did not time its stages in turn"
    assert first.report is not None and other.report is not None  # a bare file has no ratio
    a, b = first.report, other.report
    if (a.machine, a.timed_on) != (b.machine, b.timed_on):
        return f"they were timed on other machines, {_machine(a)} and {_machine(b)}"
    threads = [getattr(run.last, "latency_threads", None) for run in (first, other)]
    if threads[0] != threads[1]:
        return f"they were timed with other threads, {threads[0]} and {threads[1]}"
    files = [report.files.get(report.stages[0].file) for report in (a, b)]
    if files[0] is None or files[0] != files[1]:
        return "their baselines are other files"
    return ""


def _machine(report: Report) -> str:
    return f"{report.timed_on} ({report.machine})" if report.timed_on else report.machine
