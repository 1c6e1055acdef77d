"""What a column about stages is made of: a value in `report.json`, and how the tables show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from compressor.contracts.report_rows import MetricRow, StageRow
from compressor.measure.evaluation import Measurement
from compressor.measure.paired_latency import FileLatency
from compressor.measure.results import RunResult, Stage
from compressor.models.litert.reading.contents import Anatomy
from compressor.report.figures import beyond_noise
from compressor.report.screen_table import Align

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)  # what shows any number shows a whole one
Table: TypeAlias = Literal["terminal", "markdown"]


@dataclass(frozen=True)
class StageOfRun:
    """A stage and the run that it belongs to: what the value of a column is computed from."""

    result: RunResult
    index: int

    @property
    def stage(self) -> Stage:
        """The stage."""
        return self.result.stages[self.index]

    @property
    def so_far(self) -> Sequence[Stage]:
        """The stages up to this one, from the baseline on."""
        return self.result.stages[: self.index + 1]

    @property
    def measured(self) -> Measurement:
        """What was measured on the stage's file."""
        return self.stage.measurement

    @property
    def anatomy(self) -> Anatomy:
        """What is in the stage's file."""
        return self.measured.anatomy

    @property
    def latency(self) -> FileLatency | None:
        """The time of a call, where the files of all stages were timed in turn."""
        return self.result.latencies[self.index] if self.result.latencies else None


@dataclass(frozen=True)
class TableColumn:
    """A column of a table with a row for each stage.

    `text` gets the stage's row and the baseline's. `better` tells of a stage whether the figure got better or worse,
    for the color, or None where it did neither. `shown_if` tells whether a stage has something to show; without one,
    all have.
    """

    heading: str
    text: Callable[[StageRow, StageRow], str]
    from_width: int
    align: Align
    better: Callable[[StageRow], bool | None] | None = None
    shown_if: Callable[[StageRow], bool] | None = None


@dataclass(frozen=True)
class Shown(Generic[T_contra]):
    """How a table shows a value: its heading, its text, and the least width of a terminal that is to have it."""

    heading: str
    text: Callable[[T_contra], str] = str
    from_width: int = 0
    align: Align = "right"

    def column(self, value: Callable[[StageRow, StageRow], T_contra]) -> TableColumn:
        """The column of these values."""
        text = self.text
        return TableColumn(self.heading, lambda row, baseline: text(value(row, baseline)), self.from_width, self.align)


@dataclass(frozen=True, eq=False, kw_only=True)
class _InTables(Generic[T]):
    """How each of the tables shows something; one that is not given leaves it out, as where `shown_if` has no stage."""

    terminal: Shown[T] | None = None
    markdown: Shown[T] | None = None
    shown_if: Callable[[StageRow], bool] | None = None

    def _columns(self, table: Table, value: Callable[[StageRow, StageRow], T]) -> list[TableColumn]:
        shown = self.terminal if table == "terminal" else self.markdown
        return [replace(shown.column(value), shown_if=self.shown_if)] if shown else []


@dataclass(frozen=True, eq=False)
class Column(_InTables[T]):
    """A value of each stage: its key, type and meaning in `report.json`, how it is computed, and how it is shown.

    A column that is newer than schema version 1 has a default, which reports that were written before it are read with.
    """

    name: str
    type_: Any
    meaning: str
    compute: Callable[[StageOfRun], T]
    default: Any = ...

    def of(self, row: StageRow) -> T:
        """The value in a stage's row."""
        value: T = getattr(row, self.name)
        return value

    def columns(self, table: Table, metrics: Sequence[str]) -> list[TableColumn]:
        """The column of a table, where it has one."""
        return self._columns(table, lambda row, _: self.of(row))


@dataclass(frozen=True, eq=False)
class TextColumn(_InTables[str]):
    """A column of tables alone, whose text is made of the row of a stage and that of the baseline."""

    text: Callable[[StageRow, StageRow], str]

    def columns(self, table: Table, metrics: Sequence[str]) -> list[TableColumn]:
        """The column of a table, where it has one."""
        return self._columns(table, self.text)


@dataclass(frozen=True, eq=False)
class MetricColumn(_InTables[str]):
    """A column that tables have for each metric; `{metric}` in a heading is the metric's name.

    `colored` is for figures that tell whether the metric got better or worse.
    """

    text: Callable[[MetricRow], str]
    colored: bool = False

    def columns(self, table: Table, metric: str) -> list[TableColumn]:
        """The column of a table for a metric, where it has one."""
        better = (lambda row: beyond_noise(row.metrics[metric])) if self.colored else None
        return [
            replace(column, heading=column.heading.format(metric=metric), better=better)
            for column in self._columns(table, lambda row, _: self.text(row.metrics[metric]))
        ]


@dataclass(frozen=True, eq=False)
class EachMetric:
    """The columns that stand side by side for each metric."""

    parts: Sequence[MetricColumn]

    def columns(self, table: Table, metrics: Sequence[str]) -> list[TableColumn]:
        """The columns of a table, metric by metric."""
        return [column for metric in metrics for part in self.parts for column in part.columns(table, metric)]
