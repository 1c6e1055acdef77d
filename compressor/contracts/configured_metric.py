"""The metrics of a recipe, each with the output that it judges and its name in the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compressor.base.errors import CompressorError, DataError, StepError
from compressor.base.import_path import function_at
from compressor.base.plugin_errors import fenced
from compressor.contracts.strategy import Batch, Metric
from compressor.recipe.sections import Constraints
from compressor.run.cache.code_digest import code_digest

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Judge:
    """A metric at work. `output` names the model's output that it judges; None where the model has only one.

    `origin` is the plugin that brought the metric, for messages.
    """

    name: str
    metric: Metric
    output: str | None = None
    origin: str = ""

    def parts(self, code: str) -> Mapping[str, Any]:
        """All that its figures depend on, for a cache's key: `code` is the digest of the metric's class."""
        parts = {"code": code, "output": self.output, "parameters": self.metric.params.model_dump(mode="json")}
        return {**parts, **self.metric.parts()} if isinstance(self.metric, FunctionMetric) else parts

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Run the metric's code: what a plugin's raises fails the step, and what the user's own does is wrong input."""
        who = f"the metric '{self.name}'{f' ({self.origin})' if self.origin else ''}"
        with fenced(who, self.fault, (CompressorError,)):
            yield

    @property
    def fault(self) -> type[CompressorError]:
        """The error of a metric that does not do what a metric must."""
        return StepError if self.origin else DataError

    @classmethod
    def of(cls, metric: Metric, output: str | None = None, name: str | None = None, origin: str = "") -> Judge:
        """The judge, named after the metric and the output where it has no name of its own."""
        return cls(name or (f"{metric.label} ({output})" if output else metric.label), metric, output, origin)


def unfit_constraints(constraints: Constraints, first: Judge) -> list[str]:
    """The constraints that are set and mean nothing for the first metric: those on shares, where it is none."""
    if first.metric.share:
        return []
    return [name for name in ("max_accuracy_drop", "min_accuracy") if getattr(constraints, name) is not None]


class FunctionMetric(Metric):
    """The mean of what a function of outputs and labels gives for each sample."""

    name = "function"

    def __init__(self, target: str, arguments: Mapping[str, Any], higher_is_better: bool) -> None:
        super().__init__()
        self.higher_is_better = higher_is_better
        self.target = target
        self._arguments = dict(arguments)

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """What the function gives for the outputs and the labels; other keyword arguments are the recipe's `with`."""
        found: NDArray[Any] = function_at(self.target)(batch.outputs, batch.labels, **self._arguments)
        return found

    def parts(self) -> Mapping[str, Any]:
        """What its figures depend on: the function's arguments and its code."""
        return {
            "function": self.target,
            "arguments": self._arguments,
            "code of the function": code_digest(self.target.partition(":")[0]),
        }

    @property
    def label(self) -> str:
        """The function's name."""
        return self.target.rpartition(":")[2]
