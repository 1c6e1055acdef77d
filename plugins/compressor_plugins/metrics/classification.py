"""Metrics of classes: how often a decision is right, and which mistakes are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

import compressor
from compressor.contracts.metric import Batch, Metric
from compressor_plugins.metrics.decisions import (
    chosen_classes,
    known_classes,
    threshold,
    with_class_axis,
    yes_and_no,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Accuracy(Metric):
    """Share of samples with the right class: the highest output's, or, with one output, 0 or 1 by its threshold."""

    name = "accuracy"
    share = True
    keras_name = "accuracy"
    takes = "outputs (n, classes) or (n, 1); class numbers or one-hot labels"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """1 for a sample that is right and 0 for one that is not."""
        batch = with_class_axis(batch)
        if batch.outputs.ndim != 2:
            raise ValueError("it takes one decision a sample; for many take 'sequence_accuracy' or 'mean_iou'")
        truth = known_classes(batch.labels, batch.outputs.shape)
        right: NDArray[Any] = (chosen_classes(batch) == truth).astype("float64")
        return right


class TopKAccuracy(Metric):
    """Share of samples whose class is among the k highest outputs."""

    name = "top_k_accuracy"
    share = True
    takes = "outputs (n, classes); class numbers or one-hot labels"

    class Params(compressor.Params):
        """How many outputs count."""

        k: int = Field(5, ge=1, description="how many of the highest outputs may hold the class")

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """1 for a sample that is right and 0 for one that is not."""
        if batch.outputs.ndim != 2 or batch.outputs.shape[1] < max(2, self.params.k):
            raise ValueError(f"it takes outputs for {max(2, self.params.k)} classes or more")
        truth = known_classes(batch.labels, batch.outputs.shape)
        own = batch.outputs[range(len(truth)), truth]
        lower = (batch.outputs <= own[:, None]).sum(axis=1)  # what is no number is not lower
        right: NDArray[Any] = (lower > batch.outputs.shape[1] - self.params.k).astype("float64")
        return right

    @property
    def label(self) -> str:
        """The name with the number in it."""
        return f"top_{self.params.k}_accuracy"


class Top5Accuracy(TopKAccuracy):
    """Share of samples whose class is among the five highest outputs."""

    name = "top_5_accuracy"

    class Params(compressor.Params):
        """None: it is top_k_accuracy with k: 5."""

    def __init__(self, given: compressor.Params | None = None) -> None:
        super().__init__(TopKAccuracy.Params(k=5))


class BinaryAccuracy(Metric):
    """Share of right labels, where each output is a yes or no of its own; a sample's is the mean of its labels'."""

    name = "binary_accuracy"
    share = True
    keras_name = "binary_accuracy"
    takes = "outputs (n, ...); a 0 or a 1 for each"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """The share of a sample's labels that are right."""
        outputs, labels = batch.outputs, batch.labels
        if labels.size != outputs.size:
            raise ValueError("it takes a 0 or a 1 for each output")
        right = (outputs > threshold(batch)) == (labels.reshape(outputs.shape) > 0.5)
        shares: NDArray[Any] = right.reshape(len(right), -1).mean(axis=1)
        return shares


class _Counted(Metric):
    """Scores of a table of right and wrong decisions for each class, averaged over the classes that occur (macro)."""

    share = True
    takes = "outputs (n, classes) or (n, 1); class numbers, one-hot labels, or a 0 or a 1 for each output"

    class Params(compressor.Params):
        """How labels are read."""

        multi_label: bool | None = Field(
            None, description="whether a sample may have several classes; told by a sigmoid at the end when left out"
        )

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """For each class whether it was found, named in error, or missed: shape (n, classes, 3)."""
        import numpy as np

        chosen, truth = yes_and_no(batch, self.params.multi_label)
        return np.stack([chosen & truth, chosen & ~truth, ~chosen & truth], axis=-1).astype(np.uint8)

    def score(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean over the classes that are in the labels or in the decisions."""
        import numpy as np

        found, errors, missed = means[..., 0], means[..., 1], means[..., 2]
        occurs = (found + errors + missed) > 0
        scores = np.where(occurs, self._of_class(found, errors, missed), 0.0)
        mean: NDArray[np.float64] = scores.sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1)
        return mean

    def _of_class(self, found: Any, errors: Any, missed: Any) -> Any:
        raise NotImplementedError


class Precision(_Counted):
    """Share of right ones among the decisions for a class, averaged over classes."""

    name = "precision"

    def _of_class(self, found: Any, errors: Any, missed: Any) -> Any:
        return _ratio(found, found + errors)


class Recall(_Counted):
    """Share of a class's samples that are found, averaged over classes."""

    name = "recall"

    def _of_class(self, found: Any, errors: Any, missed: Any) -> Any:
        return _ratio(found, found + missed)


class F1(_Counted):
    """Harmonic mean of precision and recall, averaged over classes (macro F1)."""

    name = "f1"

    def _of_class(self, found: Any, errors: Any, missed: Any) -> Any:
        return _ratio(2 * found, 2 * found + errors + missed)


def _ratio(part: Any, whole: Any) -> Any:
    """The ratio, and 0 where there is nothing to divide by, as in Keras."""
    import numpy as np

    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
