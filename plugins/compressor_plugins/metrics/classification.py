"""Classification metrics: accuracy in several forms, and precision, recall and F1."""

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
    """Share of samples classified correctly, by the highest output or, with a single output, by a threshold."""

    name = "accuracy"
    share = True
    keras_name = "accuracy"
    takes = "outputs (n, classes) or (n, 1); class numbers or one-hot labels"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """1 for a sample that is classified correctly, 0 for any other."""
        batch = with_class_axis(batch)
        if batch.outputs.ndim != 2:
            raise ValueError("it takes one decision per sample; for many use 'sequence_accuracy' or 'mean_iou'")
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

        k: int = Field(5, ge=1, description="how many of the highest outputs count as a hit")

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """1 for a sample whose class is among the k highest outputs, 0 for any other."""
        if batch.outputs.ndim != 2 or batch.outputs.shape[1] < max(2, self.params.k):
            raise ValueError(f"it takes outputs for at least {max(2, self.params.k)} classes")
        truth = known_classes(batch.labels, batch.outputs.shape)
        own = batch.outputs[range(len(truth)), truth]
        lower = (batch.outputs <= own[:, None]).sum(axis=1)  # NaN is never lower
        right: NDArray[Any] = (lower > batch.outputs.shape[1] - self.params.k).astype("float64")
        return right

    @property
    def label(self) -> str:
        """The name with the value of `k` in it."""
        return f"top_{self.params.k}_accuracy"


class Top5Accuracy(TopKAccuracy):
    """Share of samples whose class is among the five highest outputs."""

    name = "top_5_accuracy"

    class Params(compressor.Params):
        """None: it is top_k_accuracy with k: 5."""

    def __init__(self, given: compressor.Params | None = None) -> None:
        super().__init__(TopKAccuracy.Params(k=5))


class BinaryAccuracy(Metric):
    """Share of correct labels, where each output is a separate yes-or-no decision; the mean over all samples."""

    name = "binary_accuracy"
    share = True
    keras_name = "binary_accuracy"
    takes = "outputs (n, ...); a 0 or a 1 for each"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """The share of each sample's labels that are correct."""
        outputs, labels = batch.outputs, batch.labels
        if labels.size != outputs.size:
            raise ValueError("it takes a label of 0 or 1 for each output")
        right = (outputs > threshold(batch)) == (labels.reshape(outputs.shape) > 0.5)
        shares: NDArray[Any] = right.reshape(len(right), -1).mean(axis=1)
        return shares


class _ConfusionScore(Metric):
    """A score of each class's true positives, false positives and false negatives, averaged over classes (macro)."""

    share = True
    takes = "outputs (n, classes) or (n, 1); class numbers, one-hot labels, or a 0 or a 1 for each output"

    class Params(compressor.Params):
        """How labels are read."""

        multi_label: bool | None = Field(
            None,
            description="whether a sample may have several classes; by default true for a model that ends in a sigmoid",
        )

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """True positives, false positives and false negatives of each class: shape (n, classes, 3)."""
        import numpy as np

        chosen, truth = yes_and_no(batch, self.params.multi_label)
        return np.stack([chosen & truth, chosen & ~truth, ~chosen & truth], axis=-1).astype(np.uint8)

    def score(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean over the classes that occur in the labels or in the decisions."""
        import numpy as np

        hits, false_alarms, misses = means[..., 0], means[..., 1], means[..., 2]
        occurs = (hits + false_alarms + misses) > 0
        scores = np.where(occurs, self._class_score(hits, false_alarms, misses), 0.0)
        mean: NDArray[np.float64] = scores.sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1)
        return mean

    def _class_score(self, hits: Any, false_alarms: Any, misses: Any) -> Any:
        raise NotImplementedError


class Precision(_ConfusionScore):
    """Share of correct decisions among all decisions for a class, averaged over classes."""

    name = "precision"

    def _class_score(self, hits: Any, false_alarms: Any, misses: Any) -> Any:
        return _ratio(hits, hits + false_alarms)


class Recall(_ConfusionScore):
    """Share of a class's samples that are recognized as such, averaged over classes."""

    name = "recall"

    def _class_score(self, hits: Any, false_alarms: Any, misses: Any) -> Any:
        return _ratio(hits, hits + misses)


class F1(_ConfusionScore):
    """Harmonic mean of precision and recall, averaged over classes (macro F1)."""

    name = "f1"

    def _class_score(self, hits: Any, false_alarms: Any, misses: Any) -> Any:
        return _ratio(2 * hits, 2 * hits + false_alarms + misses)


def _ratio(part: Any, whole: Any) -> Any:
    """Part divided by whole, or 0 where the whole is 0, as in Keras."""
    import numpy as np

    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
