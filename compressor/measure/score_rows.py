"""Lets metrics judge a model's outputs batch by batch, and keeps the row of figures that each gives a sample.

Outputs are not kept, so that those as large as images need no more memory than one batch of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.named_arrays import by_name, each
from compressor.base.types import Arrays, EndsIn
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.metric import Batch
from compressor.data.split import Split

Rows: TypeAlias = Mapping[str, NDArray[Any]]
"""Each metric's rows by its name, shape (n, ...)."""
Outputs: TypeAlias = Mapping[str, NDArray[np.float32]]

_MISFIT = ValueError  # what a metric raises for outputs and labels that it does not judge
_FUNCTION_ERRORS = (  # what a plain function of arrays may raise for them
    _MISFIT, IndexError, TypeError, KeyError, AttributeError, ArithmeticError,
)  # fmt: skip


class ScoreRows:
    """Gathers each metric's rows batch by batch of a split, in order."""

    def __init__(self, metrics: Sequence[ConfiguredMetric], endings: Mapping[str, EndsIn], split: Split) -> None:
        """Prepare to gather.

        Args:
            metrics: to compute.
            endings: what each output of the model ends in, by its name.
            split: whose batches are added.
        """
        self._metrics = metrics
        self._endings = endings
        wants_stored = split.inputs_as_labels  # as for an autoencoder, whose data may have labels besides
        self._by_stored = [configured for configured in metrics if wants_stored and configured.metric.data_labels]
        self._stored_labels = split.samples.labels() if self._by_stored else None
        self._seen = 0
        self._parts: dict[str, list[NDArray[Any]]] = {configured.name: [] for configured in metrics}

    def add(self, features: Arrays, outputs: Outputs, labels: Any) -> None:
        """Add the rows of the next batch.

        Raises:
            DataError: a metric cannot judge these outputs by these labels.
            StepError: a metric of a plugin fails.
        """
        for configured in self._metrics:
            name = _judged_output(configured, list(outputs))
            stored = configured in self._by_stored
            own = _labels_of(name, self._next_stored(configured, len(outputs[name])) if stored else labels, configured)
            batch = Batch(outputs[name], own, features, self._endings[name])
            self._parts[configured.name].append(per_sample(configured, batch))
        self._seen += len(next(iter(outputs.values())))

    def _next_stored(self, configured: ConfiguredMetric, count: int) -> Any:
        """The labels that the data holds for the next `count` samples, whose inputs are the model's targets."""
        if self._stored_labels is None:
            raise DataError(
                f"'{configured.name}' judges by labels, and the data has none", "add them, or drop the metric"
            )
        return each(self._stored_labels, lambda labels: labels[self._seen : self._seen + count])

    def joined(self) -> Rows:
        """The rows of all batches, by the metrics' names."""
        return {name: np.concatenate(parts) for name, parts in self._parts.items()}


def per_sample(configured: ConfiguredMetric, batch: Batch) -> NDArray[Any]:
    """A metric's row for each sample of a batch.

    Raises:
        DataError: the metric cannot judge these outputs by these labels.
        StepError: a metric of a plugin fails.
    """
    batch = replace(batch, outputs=_frozen(batch.outputs), labels=_frozen(batch.labels))
    who = f"the metric '{configured.name}'{f' ({configured.origin})' if configured.origin else ''}"
    with configured.running():
        try:
            rows = np.asarray(configured.metric.per_sample(batch))
        except _FUNCTION_ERRORS as error:
            if configured.origin and not isinstance(error, _MISFIT):
                raise
            shapes = f"outputs of shape {batch.outputs.shape} by labels of shape {batch.labels.shape}"
            what = f"{who}: it cannot judge {shapes} ({error})"
            raise DataError(what, "choose another metric, or data that fits the model") from error
    if rows.ndim == 0 or len(rows) != len(batch.labels) or rows.dtype.kind not in "fiub":
        what = f"{who} gave figures of shape {rows.shape} for {len(batch.labels)} samples"
        raise configured.fault(what, "a metric gives one row of numbers a sample")
    return rows.astype(np.float64, copy=False) if rows.ndim == 1 else rows


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A view that cannot be written to: the labels are the data set's own."""
    view = array.view()
    view.flags.writeable = False
    return view


def _judged_output(configured: ConfiguredMetric, names: Sequence[str]) -> str:
    """The name of the output that a metric judges."""
    if configured.output is None and len(names) == 1:
        return names[0]
    known = ", ".join(names)
    if configured.output is None:
        what = f"'{configured.name}' does not say which of the model's outputs ({known}) it judges"
        raise DataError(what, f"write it as {{uses: {configured.metric.name}, output: {names[0]}}}")
    if configured.output not in names:
        what = f"'{configured.name}' judges the output '{configured.output}', and the model has {known}"
        raise DataError(what, "name one of these")
    return configured.output


def _labels_of(name: str, labels: Any, configured: ConfiguredMetric) -> NDArray[Any]:
    named = by_name(labels, name)
    if name not in named:
        what = f"'{configured.name}' judges the output '{name}', and the data has labels for {', '.join(named)}"
        raise DataError(what, "call the labels as the model's outputs are called")
    own: NDArray[Any] = named[name]
    return own
