"""The metrics of a recipe, each bound to one output of the model and with a name for the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compressor.base.errors import CompressorError, DataError, StepError
from compressor.base.import_path import function_at
from compressor.base.plugin_errors import fenced
from compressor.contracts.metric import Batch, Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ConfiguredMetric:
    """A metric bound to one output of the model. `output` is that output's name; None where the model has only one.

    `origin` is the plugin that brought the metric, for messages.
    """

    name: str
    metric: Metric
    output: str | None = None
    origin: str = ""

    @property
    def share(self) -> bool:
        """Whether its score is a share from 0 to 1."""
        return self.metric.share

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher score is a better one."""
        return self.metric.higher_is_better

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the metric's code: what a plugin's raises fails the step, and what the user's own does is wrong input."""
        who = f"the metric '{self.name}'{f' ({self.origin})' if self.origin else ''}"
        with fenced(who, self.fault, (CompressorError,)):
            yield

    @property
    def fault(self) -> type[CompressorError]:
        """The error of a metric that does not do what a metric must."""
        return StepError if self.origin else DataError

    @classmethod
    def of(
        cls, metric: Metric, output: str | None = None, name: str | None = None, origin: str = ""
    ) -> ConfiguredMetric:
        """The metric bound to an output, named after both where it is given no name of its own."""
        return cls(name or (f"{metric.label} ({output})" if output else metric.label), metric, output, origin)


class FunctionMetric(Metric):
    """The mean of what a function of outputs and labels gives for each sample."""

    name = "function"

    def __init__(self, target: str, arguments: Mapping[str, Any], higher_is_better: bool) -> None:
        super().__init__()
        self.higher_is_better = higher_is_better
        self.target = target
        self.arguments = dict(arguments)

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """Call the function with outputs and labels, and the recipe's `with` as keyword arguments."""
        found: NDArray[Any] = function_at(self.target)(batch.outputs, batch.labels, **self.arguments)
        return found

    @property
    def label(self) -> str:
        """The function's name."""
        return self.target.rpartition(":")[2]
