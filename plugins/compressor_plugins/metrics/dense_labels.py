"""Metrics of models that make many decisions per sample: one for each pixel, or for each step of a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

import compressor
from compressor.contracts.metric import Batch, Metric
from compressor_plugins.metrics.decisions import chosen_classes, known_classes, log_probabilities, true_classes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class _Dense(Metric):
    takes = "outputs (n, ..., classes); class numbers (n, ...) or one-hot labels"

    class Params(compressor.Params):
        """Which labels to ignore."""

        ignore: int | None = Field(
            None, ge=-(2**31), lt=2**31, description="label of pixels or steps that do not count, such as -1 or 255"
        )

    def _decisions(self, batch: Batch) -> tuple[Batch, NDArray[Any], NDArray[np.bool_]]:
        """The batch with an axis of classes, the true classes, and which of them count; both of shape (n, ...)."""
        import numpy as np

        if batch.outputs.ndim == batch.labels.ndim and batch.outputs.shape == batch.labels.shape:
            one_hot = batch.outputs.ndim > 2 and batch.outputs.shape[-1] > 1
            if not (one_hot and bool((batch.labels.sum(-1) == 1).all())):
                batch = Batch(batch.outputs[..., None], batch.labels, batch.inputs, batch.ends_in)
        truth = true_classes(batch.labels, batch.outputs.shape)
        if truth.ndim < 2:
            raise ValueError("it takes many decisions per sample; for one use 'accuracy'")
        counts = np.ones(truth.shape, bool) if self.params.ignore is None else truth != self.params.ignore
        classes = max(batch.outputs.shape[-1], 2)
        if ((truth < 0) | (truth >= classes))[counts].any():
            unknown = truth[counts][(truth[counts] < 0) | (truth[counts] >= classes)][0]
            what = f"there is a label {unknown}, but only outputs for {classes} classes"
            raise ValueError(f"{what}; set 'ignore' if it does not count")
        return batch, truth, counts


class SequenceAccuracy(_Dense):
    """Share of correct decisions over all steps of all sequences, or over all pixels, that are not ignored."""

    name = "sequence_accuracy"
    share = True

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """Number of correct decisions, and of all that count: shape (n, 2)."""
        import numpy as np

        batch, truth, counts = self._decisions(batch)
        right = (chosen_classes(batch) == truth) & counts
        sums = (right.reshape(len(truth), -1).sum(1), counts.reshape(len(truth), -1).sum(1))
        return np.stack(sums, axis=-1)

    def score(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The ratio of the two."""
        return _ratio(means)


class Perplexity(_Dense):
    """Exponential of the mean negative log-likelihood of the true classes; the usual measure of language models."""

    name = "perplexity"
    higher_is_better = False

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """Summed negative log-likelihood of the decisions that count, and their number: shape (n, 2)."""
        import numpy as np

        batch, truth, counts = self._decisions(batch)
        if batch.outputs.shape[-1] < 2:
            raise ValueError("it takes an output for each class")
        logs = log_probabilities(batch)
        own = np.take_along_axis(logs, np.where(counts, truth, 0)[..., None], axis=-1)[..., 0]
        losses = np.where(counts, -own, 0).reshape(len(truth), -1).sum(1)
        return np.stack([losses, counts.reshape(len(truth), -1).sum(1)], axis=-1)

    def score(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The exponential of the ratio of the two."""
        import numpy as np

        return np.exp(_ratio(means))


class MeanIoU(_Dense):
    """Intersection over union of predicted and true pixels, averaged over the classes that occur (Jaccard index)."""

    name = "mean_iou"
    share = True

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """Number of pixels in the intersection and in the union for each class: shape (n, classes, 2)."""
        import numpy as np

        batch, truth, counts = self._decisions(batch)
        classes = max(batch.outputs.shape[-1], 2)
        chosen = chosen_classes(batch)
        sample = np.broadcast_to(np.arange(len(truth)).reshape(-1, *[1] * (truth.ndim - 1)), truth.shape)

        def counted(numbers: NDArray[Any], where: NDArray[np.bool_]) -> NDArray[Any]:
            places = sample[where] * classes + numbers[where]
            return np.bincount(places, minlength=len(truth) * classes).reshape(-1, classes)

        intersection = counted(truth, counts & (chosen == truth))
        union = counted(truth, counts) + counted(chosen, counts) - intersection
        return np.stack([intersection, union], axis=-1)

    def score(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean over the classes that occur."""
        import numpy as np

        intersection, union = means[..., 0], means[..., 1]
        ratios = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
        mean: NDArray[np.float64] = ratios.sum(axis=-1) / np.maximum((union > 0).sum(axis=-1), 1)
        return mean


class SparseCategoricalCrossentropy(Metric):
    """Mean negative log-likelihood of the true class."""

    name = "sparse_categorical_crossentropy"
    higher_is_better = False
    takes = "outputs (n, ..., classes); class numbers (n, ...) or one-hot labels"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """The negative log-likelihood of each sample, as the mean over its decisions."""
        import numpy as np

        if batch.outputs.ndim < 2 or batch.outputs.shape[-1] < 2:
            raise ValueError("it takes an output for each class")
        truth = known_classes(batch.labels, batch.outputs.shape)
        own = np.take_along_axis(log_probabilities(batch), truth[..., None], axis=-1)
        means: NDArray[Any] = -own.reshape(len(truth), -1).mean(axis=1)
        return means


def _ratio(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first of two figures divided by the second; NaN where no decision counts."""
    import numpy as np

    part, whole = means[..., 0], means[..., 1]
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
