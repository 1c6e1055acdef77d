"""The columns about calls that were timed in turn; a run has them if its recipe asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from compressor.contracts.report_rows import OperatorTimeRow
from compressor.measure.paired_latency import FileLatency
from compressor.report.column_types import Column, Shown, StageOfRun, TextColumn
from compressor.report.latency_texts import ratio_text_of

_TURNS: Final = "timed in turn with the other stages; null where the recipe does not ask for it"
_HEADING: Final = "call vs base"


def _of(figure: Callable[[FileLatency], float]) -> Callable[[StageOfRun], float | None]:
    return lambda of: None if of.latency is None else figure(of.latency)


def _rounds(of: StageOfRun) -> int | None:
    return None if of.latency is None else of.latency.rounds


def _threads(of: StageOfRun) -> int | None:
    return None if of.latency is None else of.latency.threads


def _operator_times(of: StageOfRun) -> list[OperatorTimeRow]:
    operators = () if of.latency is None else of.latency.operators
    return [OperatorTimeRow(**vars(each)) for each in operators]


LATENCY_COLUMNS = (
    Column(
        "latency_median",
        float | None,
        f"seconds of a call with one sample, median over the rounds, {_TURNS}",
        _of(lambda latency: latency.seconds.value),
        default=None,
    ),
    Column(
        "latency_low", float | None, "lower end of its 95 % interval", _of(lambda own: own.seconds.low), default=None
    ),
    Column(
        "latency_high", float | None, "upper end of its 95 % interval", _of(lambda own: own.seconds.high), default=None
    ),
    Column(
        "latency_ratio",
        float | None,
        f"median over the rounds of the call's time as a share of the baseline's in the same round, {_TURNS}",
        _of(lambda latency: latency.ratio.value),
        default=None,
    ),
    Column(
        "latency_ratio_low",
        float | None,
        "lower end of its 95 % interval",
        _of(lambda latency: latency.ratio.low),
        default=None,
    ),
    Column(
        "latency_ratio_high",
        float | None,
        "upper end of its 95 % interval",
        _of(lambda latency: latency.ratio.high),
        default=None,
    ),
    TextColumn(
        lambda row, _: ratio_text_of(row),
        terminal=Shown(_HEADING, from_width=120),
        markdown=Shown(_HEADING),
        shown_if=lambda row: row.latency_ratio is not None,
    ),
    Column("latency_rounds", int | None, "rounds in which the stages took turns", _rounds, default=None),
    Column("latency_threads", int | None, "threads of the interpreter in them", _threads, default=None),
    Column(
        "operator_times",
        list[OperatorTimeRow],
        "the operators of the main graph in order, each timed alone, where stages were timed in turn",
        _operator_times,
        default=[],
    ),
)


def seconds_by_weights(of: StageOfRun) -> Mapping[str, float]:
    """The seconds of the operators that take a constant as their largest, by its name."""
    seconds: dict[str, float] = {}
    for each in () if of.latency is None else of.latency.operators:
        if each.weights and each.seconds is not None:
            seconds[each.weights] = seconds.get(each.weights, 0.0) + each.seconds
    return seconds


def latency_faults(of: StageOfRun) -> list[str]:
    """Why there are no times, or none by operator."""
    faults = []
    if of.result.latency_fault and of.index == len(of.result.stages) - 1:
        faults.append(f"{of.result.latency_fault}, so latencies are those measured stage by stage")
    if of.latency is not None and of.latency.fault:
        faults.append(f"its operators could not be timed one by one ({of.latency.fault})")
    return faults
