"""The results of a run: its stages, each with the file that would ship and what was measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compressor.contracts.execution_plan import Plan
from compressor.contracts.model_state import ModelState
from compressor.data.expected_inputs import ExpectedInput
from compressor.data.split import Split
from compressor.measure.evaluation import Measurement
from compressor.measure.paired_latency import FileLatency


@dataclass(frozen=True)
class Stage:
    """The model after a step, as the file that would ship, and what was measured on it.

    `content` holds the bytes of the `.tflite` file or of the package. `seconds` is what the step took,
    `measure_seconds` what exporting and measuring took; `curves` has the figures of each epoch of each training.
    """

    id: str
    uses: str
    provider: str
    state: ModelState
    content: bytes = field(repr=False)
    measurement: Measurement = field(repr=False)
    seconds: float
    measure_seconds: float
    notes: tuple[str, ...] = ()
    left_alone: Mapping[str, str] = field(default_factory=dict)
    teacher: str = ""
    cached: bool = False
    curves: tuple[tuple[Mapping[str, float], ...], ...] = ()


@dataclass(frozen=True)
class RunResult:
    """A whole run. The first stage is the baseline. `classes` names the classes, where the data does.

    `latencies` are of the stages' files, timed in turn; there are none unless the recipe asks for them, or where
    `latency_fault` says why.
    """

    plan: Plan
    model: str
    data: str
    samples: Mapping[str, int]
    stages: tuple[Stage, ...]
    seconds: float
    expects: tuple[ExpectedInput, ...] = ()
    classes: tuple[str, ...] = ()
    test: Split | None = field(default=None, repr=False)
    latencies: tuple[FileLatency, ...] = ()
    latency_fault: str = ""
