"""The columns about stages, each of them once: `report.json`, the tables and the docs are made from `COLUMNS`.

Sizes are in bytes, times in seconds, shares from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from compressor.base.sizes import format_size, gzip_size
from compressor.contracts.report_rows import (
    AgreementRow,
    ClassRow,
    DeviceRow,
    EndpointRow,
    LayerRow,
    MetricRow,
    StageRow,
)
from compressor.devices.fitting import flash_needed
from compressor.measure.results import Stage
from compressor.models.micro.arena import plan_arena
from compressor.models.packing.package import is_package, shipping_suffix, unpacked
from compressor.report.changed_decisions import class_rows
from compressor.report.column_types import (
    Column,
    EachMetric,
    MetricColumn,
    Shown,
    StageOfRun,
    Table,
    TableColumn,
    TextColumn,
)
from compressor.report.device_rows import device_row
from compressor.report.figures import (
    agreement_text,
    change_text,
    clock_text,
    count_text,
    keras_text,
    metric_text,
    noise_text,
    ratio_text,
    time_text,
)
from compressor.report.latency_columns import LATENCY_COLUMNS, latency_faults, seconds_by_weights
from compressor.report.layer_rows import layer_rows, named_stage
from compressor.report.metric_rows import metric_rows

WIDE: Final = 100  # columns of a terminal that has room for everything
MEDIUM: Final = 68  # and for what is of most interest

_NAME: Shown[str] = Shown("stage", align="left")
_COUNT = "{:,}".format


def _gzip_bytes(of: StageOfRun) -> int:
    return gzip_size(of.stage.content) if is_package(of.stage.content) else of.anatomy.gzip_bytes


def _notes(of: StageOfRun) -> list[str]:
    return [*of.stage.notes, *_growth(of.so_far), *latency_faults(of)]


def _layers(of: StageOfRun) -> list[LayerRow]:
    return layer_rows(named_stage(of.so_far).measurement.anatomy, seconds_by_weights(of))


def _growth(stages: Sequence[Stage]) -> list[str]:
    if len(stages) < 2 or len(stages[-1].content) <= len(stages[-2].content) * 1.01:
        return []
    grown = len(stages[-1].content) - len(stages[-2].content)
    return [f"the file is {format_size(grown)} larger than after '{stages[-2].id}'"]


ID: Final = Column(
    "id", str, "the step's id; `baseline` before all steps", lambda of: of.stage.id, terminal=_NAME, markdown=_NAME
)
METRICS: Final = EachMetric(
    (
        MetricColumn(metric_text, terminal=Shown("{metric}"), markdown=Shown("{metric}")),
        MetricColumn(keras_text, markdown=Shown("Keras")),
        MetricColumn(
            lambda metric: change_text(metric.from_baseline, metric.share),
            terminal=Shown("vs base"),
            markdown=Shown("vs base"),
            colored=True,
        ),
        MetricColumn(noise_text, terminal=Shown("", from_width=WIDE), markdown=Shown(""), colored=True),
        MetricColumn(
            lambda metric: change_text(metric.from_previous, metric.share),
            terminal=Shown("vs previous", from_width=WIDE),
            markdown=Shown("vs previous"),
        ),
    )
)
COLUMNS = (
    ID,
    Column("uses", str, "the strategy; empty for a model that came as it is", lambda of: of.stage.uses),
    Column("provider", str, "distribution and version that the strategy came from", lambda of: of.stage.provider),
    Column("state", str, "the model's format and traits, such as `keras, sparse`", lambda of: str(of.stage.state)),
    Column(
        "file",
        str,
        "the stage's file in the run's folder",
        lambda of: f"stages/{of.index}-{of.stage.id}{shipping_suffix(of.stage.content)}",
    ),
    Column(
        "bytes",
        int,
        "of the file that ships",
        lambda of: len(of.stage.content),
        terminal=Shown("size", format_size),
        markdown=Shown("bytes", _COUNT),
    ),
    TextColumn(lambda row, baseline: ratio_text(row.bytes, baseline.bytes), markdown=Shown("vs base")),
    Column(
        "gzip_bytes",
        int,
        "after gzip -9",
        _gzip_bytes,
        terminal=Shown("gzip", format_size, from_width=MEDIUM),
        markdown=Shown("gzip", _COUNT),
    ),
    Column(
        "unpacked_bytes",
        int | None,
        "of the .tflite in it, where a package ships",
        lambda of: of.anatomy.bytes if is_package(of.stage.content) else None,
    ),
    Column(
        "parameters",
        int,
        "number of weights and biases in the file",
        lambda of: of.anatomy.parameters,
        markdown=Shown("parameters", _COUNT),
    ),
    Column(
        "sparsity",
        float,
        "share of zeros among the values of all kernels",
        lambda of: of.anatomy.sparsity,
        terminal=Shown("zeros", "{:.0%}".format, from_width=MEDIUM),
        markdown=Shown("zeros", "{:.1%}".format),
    ),
    Column(
        "unique",
        int,
        "most different values in any kernel",
        lambda of: of.anatomy.unique,
        markdown=Shown("unique", _COUNT),
    ),
    Column(
        "weight_bits",
        float,
        "mean bits of a kernel's value",
        lambda of: of.anatomy.weight_bits,
        terminal=Shown("bits", "{:.0f}".format, from_width=WIDE),
        markdown=Shown("bits", "{:.0f}".format),
    ),
    Column(
        "float_operators",
        int,
        "operators that compute in float; integers made of floats, and floats of integers, are not counted",
        lambda of: of.anatomy.float_operators,
        markdown=Shown("in float", _COUNT),
    ),
    Column(
        "macs",
        int | None,
        "multiply-accumulates of one call, of convolutions, matrix products and LSTMs; null where a loop or an open "
        "size leaves them open",
        lambda of: of.anatomy.multiplications,
        markdown=Shown("MACs", count_text),
        default=None,
    ),
    Column(
        "arena_bytes",
        int | None,
        "of memory that LiteRT for Microcontrollers needs for tensors at most, one sample a call",
        lambda of: plan_arena(unpacked(of.stage.content)).tensor_bytes,
        default=None,
    ),
    Column(
        "flash_bytes",
        int | None,
        "of flash: the file or package as firmware stores it, for a package the decoder's code, and with `target` the "
        "code of the runtime as far as it is known",
        lambda of: flash_needed(of.stage.content, of.result.plan.device),
        default=None,
    ),
    Column(
        "device",
        DeviceRow | None,
        "how the file fits the recipe's `target`; null without one",
        device_row,
        default=None,
    ),
    Column("metrics", dict[str, MetricRow], "each metric on the test split, by its name", metric_rows),
    METRICS,
    Column(
        "agreement",
        AgreementRow | None,
        "of the file and the model that it was made of",
        lambda of: AgreementRow(**vars(of.measured.agreement)) if of.measured.agreement else None,
        markdown=Shown("file and model agree", agreement_text),
    ),
    Column(
        "latency_p50",
        float,
        "seconds of a call with one sample, one thread, median",
        lambda of: of.measured.latency.p50,
        terminal=Shown("p50", time_text, from_width=WIDE),
        markdown=Shown("p50", time_text),
    ),
    Column(
        "latency_p90",
        float,
        "seconds that nine calls in ten stay below",
        lambda of: of.measured.latency.p90,
        markdown=Shown("p90", time_text),
    ),
    Column(
        "inputs",
        list[EndpointRow],
        "what the file takes",
        lambda of: [EndpointRow(**vars(end)) for end in of.measured.inputs],
    ),
    Column(
        "outputs",
        list[EndpointRow],
        "what the file gives",
        lambda of: [EndpointRow(**vars(end)) for end in of.measured.outputs],
    ),
    Column("seconds", float, "what the step took", lambda of: of.stage.seconds),
    Column("measure_seconds", float, "what exporting and measuring took", lambda of: of.stage.measure_seconds),
    Column("cached", bool, "whether the step's model was taken from the cache", lambda of: of.stage.cached),
    TextColumn(
        lambda row, _: "cached" if row.cached else clock_text(row.seconds),
        terminal=Shown("took", from_width=WIDE),
        markdown=Shown("took"),
    ),
    Column("notes", list[str], "what a reader of the report should know", _notes),
    Column(
        "left_alone", dict[str, str], "layers that the step left alone, and why", lambda of: dict(of.stage.left_alone)
    ),
    Column(
        "teacher",
        str,
        "whose outputs the step's training learned from; empty for nobody's",
        lambda of: of.stage.teacher,
    ),
    Column("layers", list[LayerRow], "the weight tensors in the file", _layers),
    Column(
        "latency_percentiles",
        list[float],
        "seconds of a call, the least, the percentiles by fives, and the most",
        lambda of: list(of.measured.latency.percentiles),
        default=[],
    ),
    Column(
        "classes",
        list[ClassRow],
        "decisions by class, where the output that the first metric judges chooses one of up to 1,000",
        lambda of: class_rows(of.measured.decisions),
        default=[],
    ),
    Column(
        "curves",
        list[list[dict[str, float]]],
        "each training of the step: the figures of each epoch by name, as Keras gives them",
        lambda of: [[dict(epoch) for epoch in curve] for curve in of.stage.curves],
        default=[],
    ),
    *LATENCY_COLUMNS,
)


def value_columns() -> list[Column[Any]]:
    """The columns that `report.json` has."""
    return [column for column in COLUMNS if isinstance(column, Column)]


def stage_columns(table: Table, metrics: Sequence[str], stages: Sequence[StageRow] = ()) -> list[TableColumn]:
    """The columns of a table of stages with these metrics; one that not every run has, only if a stage has it."""
    every = (shown for column in COLUMNS for shown in column.columns(table, metrics))
    return [shown for shown in every if shown.shown_if is None or any(map(shown.shown_if, stages))]


def metric_columns(table: Table, metric: str) -> list[TableColumn]:
    """The columns of a table of stages with a metric alone."""
    return [*ID.columns(table, ()), *METRICS.columns(table, [metric])]
