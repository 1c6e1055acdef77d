"""The area under the ROC curve, which compares every sample with every other and so is no mean over samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compressor.contracts.metric import Batch, Metric
from compressor_plugins.metrics.decisions import known_classes, log_probabilities, with_class_axis
from compressor_plugins.metrics.reconstruction import errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class AUC(Metric):
    """Area under the ROC curve; with several classes or labels, the mean of their one-versus-rest areas.

    It is the probability that a sample of the class gets a higher score than one of another class (Mann & Whitney 1947;
    Hanley & McNeil 1982). It is computed exactly, and a tie counts as a half.
    """

    name = "auc"
    share = True
    takes = "outputs (n, 1) or (n, classes); class numbers, one-hot labels, or a 0 or a 1 for each output"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """Each class's score, and whether the sample is of the class: shape (n, classes, 2)."""
        import numpy as np

        batch = with_class_axis(batch)
        labels = batch.labels
        outputs: NDArray[Any] = batch.outputs
        if outputs.ndim != 2:
            raise ValueError("it takes outputs of shape (n, classes)")
        classes = outputs.shape[1]
        if classes == 1:
            truth = labels.reshape(len(labels), -1)
            if truth.shape[1] != 1:
                raise ValueError("it takes one label per sample")
        elif labels.shape == outputs.shape:
            truth = labels
        else:
            truth = known_classes(labels, outputs.shape)[:, None] == np.arange(classes)
            if batch.ends_in == "linear":
                outputs = log_probabilities(batch)
        return np.stack([outputs, truth > 0.5], axis=-1)

    def combine(self, rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The areas for many sets of samples. A class that has none or all of a set's samples is left out there."""
        import numpy as np

        areas = np.stack([_areas(rows[:, index], weights) for index in range(rows.shape[1])])
        known = np.isfinite(areas)
        total = np.where(known, areas, 0).sum(axis=0)
        mean: NDArray[np.float64] = np.divide(
            total, known.sum(axis=0), out=np.full(len(weights), np.nan), where=known.any(axis=0)
        )
        return mean


class AnomalyAUC(AUC):
    """Area under the ROC curve of an autoencoder's reconstruction error, where label 1 is an anomaly."""

    name = "anomaly_auc"
    data_labels = True
    takes = "outputs of the inputs' shape; label 0 for a normal sample, 1 for an anomaly"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """The reconstruction error of each sample, and whether it is an anomaly: shape (n, 1, 2)."""
        import numpy as np

        truth = batch.labels.reshape(len(batch.labels), -1)
        if truth.shape[1] != 1:
            raise ValueError("it takes one label per sample")
        return np.stack([errors(batch)[:, None], truth > 0.5], axis=-1)


def _areas(rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The area for each set of samples, shape (sets,); NaN where none or all of them are of the class.

    Args:
        rows: score, and whether the sample is of the class, shape (n, 2).
        weights: how often each sample counts in each set, shape (sets, n).
    """
    import numpy as np

    scores, truth = rows[:, 0], rows[:, 1] > 0.5
    by_sample = weights.T
    positives, negatives = np.flatnonzero(truth), np.flatnonzero(~truth)
    negatives = negatives[np.argsort(scores[negatives])]
    counts = np.zeros((len(negatives) + 1, len(weights)))  # of the lowest 0, 1, 2, ... negatives
    np.cumsum(by_sample[negatives], axis=0, out=counts[1:])
    lower = np.searchsorted(scores[negatives], scores[positives], "left")
    lower_or_equal = np.searchsorted(scores[negatives], scores[positives], "right")
    positive_counts = by_sample[positives]
    won = np.einsum("ij,ij->j", positive_counts, counts[lower])
    if np.any(lower_or_equal > lower):  # a tie is half a win
        won = (won + np.einsum("ij,ij->j", positive_counts, counts[lower_or_equal])) / 2
    pairs = positive_counts.sum(axis=0) * counts[-1]
    areas: NDArray[np.float64] = np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
    return areas
