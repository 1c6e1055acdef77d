"""The report of a run as plain data: what `report.json` holds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from compressor.data.expected_inputs import ExpectedInput


class _Row(BaseModel):
    # an interval of one sample has no ends, and JSON has no infinity but as text
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", defer_build=True)


class ChangeRow(_Row):
    """A metric's change on the same samples."""

    difference: float = Field(description="new value less old value")
    relative: float | None = Field(description="difference as a share of the old value; null where that was 0")
    better: bool | None = Field(description="whether it is for the better; null for no difference")
    p_value: float = Field(description="probability of a change as large by chance (McNemar, or paired bootstrap)")
    within_noise: bool = Field(description="whether chance may explain it, at the 5 % level")


class MetricRow(_Row):
    """A metric on the test split, computed with the shipped file."""

    value: float
    low: float = Field(description="lower end of the 95 % interval")
    high: float = Field(description="upper end of the 95 % interval")
    higher_is_better: bool
    share: bool = Field(description="whether it is a share, shown in percent")
    keras: float | None = Field(description="the same metric of the Keras model, while there is one")
    from_baseline: ChangeRow | None
    from_previous: ChangeRow | None


class AgreementRow(_Row):
    """How well the file's outputs agree on the test split with those of the Keras model that it was made of.

    Once there is no Keras model, they are held against the file of the last one, or against the first file.
    """

    largest: float = Field(
        description="largest difference, as a share of the range of the Keras model's outputs; of their size, where "
        "float32 rounds by as much"
    )
    same_class: float | None = Field(description="share of equal decisions, where the labels are classes")
    signal_to_noise: float = Field(description="power of the model's outputs over that of the difference, in decibels")
    least: float = Field(description="least signal-to-noise ratio that the file's precision explains")

    @property
    def doubtful(self) -> bool:
        """Whether the outputs differ by more than the file's precision explains."""
        return self.signal_to_noise < self.least


class SpreadRow(_Row):
    """The values of a tensor that are not zero, as the model computes with them."""

    low: float = Field(description="the least")
    high: float = Field(description="the largest")
    counts: list[int] = Field(description="how many lie in each of the bins of one width between them")


class LayerRow(_Row):
    """A weight tensor in the shipped file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    parameters: int
    zeros: int
    unique: int
    bytes: int
    spread: SpreadRow | None = Field(None, description="null for a report of an earlier version, or where all are zero")
    difference: float | None = Field(
        None,
        description="in the last stage, the root mean square of the difference from the first stage's weights of this "
        "name, as a share of that of these; null where the shapes differ",
    )
    seconds: float | None = Field(
        None, description="of the operators that take it as their largest constant, timed alone; null where none was"
    )


class OperatorTimeRow(_Row):
    """An operator of the shipped file, timed alone in a file of its own, on what it gets within the whole file."""

    operator: str = Field(description="the schema's name, such as `CONV_2D`")
    output: str = Field(description="name of the first tensor that it makes")
    computes_in: str = Field(description="types of what it takes and makes, such as `int8` or `float32 to int8`")
    arithmetic: str = Field(description="`float`, `integer` or, for what only converts or moves values, `neither`")
    weights: str = Field(description="name of the largest constant that it takes; empty where it takes none")
    kernels: str = Field(description="whose code computes it: `XNNPACK` or `LiteRT`; empty where it did not run alone")
    seconds: float | None = Field(description="of one run; null where it did not run alone")


class ClassRow(_Row):
    """How a stage decides on the test samples of a class; the rows are in the order of the classes' numbers."""

    samples: int = Field(description="samples of the class")
    right: int = Field(description="of these, how many the file puts into it")
    chosen: int = Field(description="all samples that it puts into it")


class ConfusionRow(_Row):
    """Test samples by the number of their class (row) and of the class that they were put into (column)."""

    before: list[list[int]] = Field(description="by the first stage's file")
    after: list[list[int]] = Field(description="by the last stage's file")


class DecisionRow(_Row):
    """What a file chose for a sample."""

    chosen: int = Field(description="number of the class")
    certainty: float = Field(description="the probability that the file gave it")
    of_label: float = Field(description="the probability that it gave the right class")


class FlippedRow(_Row):
    """A test sample that the first stage gets right, and the last one wrong."""

    place: int = Field(description="where it stands in the data, from 0")
    label: int = Field(description="number of the right class")
    before: DecisionRow
    after: DecisionRow
    picture: str = Field(description="a small PNG of it in base 64, where it is an image")
    values: list[float] = Field(description="its numbers, where it is a row of a table")


class FlipsRow(_Row):
    """Test samples on which the first and the last stage differ."""

    lost: int = Field(description="right before, wrong after")
    gained: int = Field(description="wrong before, right after")
    shown: list[FlippedRow] = Field(description="of the lost ones, those that the last stage is surest of")


class EndpointRow(_Row):
    """What the shipped file takes or gives; real value = scale * (stored value - zero_point), where scale is not 0."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


class KernelRow(_Row):
    """Calls of an operator in the same types, and what a device makes of them."""

    operator: str
    types: str = Field(description="of data, weights and output, as far as they differ")
    version: int = Field(description="of the operator")
    calls: int
    layers: list[str] = Field(description="names of the tensors that the calls make")
    share_of_macs: float | None = Field(description="of the file's multiply-accumulates; null where these are open")


class MissRow(_Row):
    """A reason why a file does not fit a device."""

    what: str = Field(description="`flash`, `ram`, `operators`, `float`, `endpoints` or `package`")
    text: str


class DeviceRow(_Row):
    """How a stage's file fits the recipe's target. Sizes are in bytes."""

    name: str
    fits: bool
    flash_bytes: int | None
    flash_limit: int | None = Field(description="null where the device has no limit, or none is known")
    ram_bytes: int | None = Field(description="the tensor arena; null for another runtime than `tflm`")
    ram_limit: int | None
    misses: list[MissRow] = Field(description="why it does not fit")
    notes: list[str] = Field(description="what the figures do not hold")
    without_kernel: list[KernelRow] = Field(description="operators that nothing on the device runs")
    in_float: list[KernelRow] = Field(description="operators that compute in float where float does not run")
    fallback: list[KernelRow] = Field(description="operators that are left to reference kernels or a CPU")


class StageRow(_Row):
    """One stage: the columns that code may rely on. Sizes are in bytes, times in seconds, shares from 0 to 1.

    A report may have more columns; those are attributes of the rows, too.
    """

    # the records in compressor/report/columns.py say what each column means, and how it is computed and shown
    model_config = ConfigDict(extra="allow")

    id: str
    uses: str
    provider: str
    state: str
    file: str
    bytes: int
    gzip_bytes: int
    unpacked_bytes: int | None
    parameters: int
    sparsity: float
    unique: int
    weight_bits: float
    metrics: dict[str, MetricRow]
    latency_p50: float
    latency_p90: float
    inputs: list[EndpointRow]
    outputs: list[EndpointRow]
    agreement: AgreementRow | None
    seconds: float
    measure_seconds: float
    cached: bool
    notes: list[str]
    left_alone: dict[str, str]
    teacher: str
    layers: list[LayerRow]
    latency_percentiles: list[float] = []
    classes: list[ClassRow] = []
    curves: list[list[dict[str, float]]] = []
    latency_median: float | None = None
    latency_low: float | None = None
    latency_high: float | None = None
    latency_ratio: float | None = None
    latency_ratio_low: float | None = None
    latency_ratio_high: float | None = None
    operator_times: list[OperatorTimeRow] = []


class ConstraintRow(_Row):
    """A constraint and how it went."""

    name: str
    limit: str
    actual: str
    met: bool
    number: float | None = Field(None, description="the limit in bytes, seconds, shares, or as the metric has it")
    missed_by: str = Field("", description="how far the value is from a limit that was missed")
    spent_by: str = Field("", description="the step that took most of the way there")
    spent: str = Field("", description="by how much that step made it worse")
    within_noise: bool | None = Field(None, description="whether chance may explain a miss; null where nothing tells")


class Report(_Row):
    """A run's report."""

    schema_version: Literal[1] = 1
    recipe: str
    description: str
    created: str = Field(description="UTC, ISO 8601")
    seed: int
    smoke: bool = Field(description="a short run on a few samples, to see that the chain works: figures mean nothing")
    model: str
    data: str
    samples: dict[str, int] = Field(description="samples in each split")
    expects: list[ExpectedInput] = Field(description="what is done to a stored sample before the model gets it")
    runs_code: list[str] = Field([], description="plugin files, functions and modules that the recipe itself brings")
    stages: list[StageRow]
    constraints: list[ConstraintRow]
    seconds: float = Field(description="the whole run")
    versions: dict[str, str]
    machine: str
    threads: int | None = Field(None, description="threads that TensorFlow split an operation over")
    environment: dict[str, str] = Field(
        {},
        description="the processor's instruction sets, environment variables that change the rounding of numbers, "
        "GPUs, and the devices and the precision of trainings where the recipe sets them",
    )
    resolved_recipe: str = Field("", description="the recipe that ran, as YAML; files by their names alone")
    fingerprints: dict[str, str] = Field({}, description="SHA-256 of the model and of each split, as in `lock.yaml`")
    code: dict[str, str] = Field({}, description="SHA-256 of the code that ran, as in `lock.yaml`")
    class_names: list[str] = Field([], description="names of the classes by their numbers, where the data has them")
    confusion: ConfusionRow | None = Field(
        None, description="of the output that the first metric judges, up to 40 classes"
    )
    flips: FlipsRow | None = Field(
        None, description="samples that the run changed the decision on; null without classes"
    )
    files: dict[str, str] = Field({}, description="SHA-256 of the run's files by name, as in `lock.yaml`")
    timed_on: str = Field("", description="the processor that timed all stages in turn; empty if none did")

    @property
    def met(self) -> bool:
        """Whether every constraint is met."""
        return all(row.met for row in self.constraints)
