"""The area under the ROC curve, which is no mean over samples: a ranking of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compressor.contracts.metric import Batch, Metric
from compressor_plugins.metrics.decisions import known_classes, log_probabilities, with_class_axis
from compressor_plugins.metrics.reconstruction import errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class AUC(Metric):
    """Area under the ROC curve; with several classes or labels the mean of each one's against the rest.

    It is the probability that a sample of the class is ranked above one that is not of it (Mann & Whitney 1947;
    Hanley & McNeil 1982), counted exactly, with ties as halves.
    """

    name = "auc"
    share = True
    takes = "outputs (n, 1) or (n, classes); class numbers, one-hot labels, or a 0 or a 1 for each output"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """For each class its score and whether the sample is of it: shape (n, classes, 2)."""
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
                raise ValueError("it takes one label a sample")
        elif labels.shape == outputs.shape:
            truth = labels
        else:
            truth = known_classes(labels, outputs.shape)[:, None] == np.arange(classes)
            if batch.ends_in == "linear":
                outputs = log_probabilities(batch)
        return np.stack([outputs, truth > 0.5], axis=-1)

    def combine(self, rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The areas of many sets of samples; classes that a set lacks, or that are all of it, are left out."""
        import numpy as np

        areas = np.stack([_areas(rows[:, index], weights) for index in range(rows.shape[1])])
        known = np.isfinite(areas)
        total = np.where(known, areas, 0).sum(axis=0)
        found: NDArray[np.float64] = np.divide(
            total, known.sum(axis=0), out=np.full(len(weights), np.nan), where=known.any(axis=0)
        )
        return found


class AnomalyAUC(AUC):
    """Area under the ROC curve of an autoencoder's reconstruction error, where label 1 is an anomaly."""

    name = "anomaly_auc"
    data_labels = True
    takes = "outputs of the inputs' shape; label 0 for a normal sample, 1 for an anomaly"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """The error of each sample and whether it is an anomaly: shape (n, 1, 2)."""
        import numpy as np

        truth = batch.labels.reshape(len(batch.labels), -1)
        if truth.shape[1] != 1:
            raise ValueError("it takes one label a sample")
        return np.stack([errors(batch)[:, None], truth > 0.5], axis=-1)


def _areas(rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The area for each set of weights, shape (sets,), from rows (score, whether it is of the class); NaN for none."""
    import numpy as np

    scores, truth = rows[:, 0], rows[:, 1] > 0.5
    by_sample = weights.T
    yes, no = np.flatnonzero(truth), np.flatnonzero(~truth)
    no = no[np.argsort(scores[no])]
    counted = np.zeros((len(no) + 1, len(weights)))
    np.cumsum(by_sample[no], axis=0, out=counted[1:])
    below = np.searchsorted(scores[no], scores[yes], "left")
    upto = np.searchsorted(scores[no], scores[yes], "right")
    own = by_sample[yes]
    won = np.einsum("ij,ij->j", own, counted[below])
    if np.any(upto > below):  # ties are halves
        won = (won + np.einsum("ij,ij->j", own, counted[upto])) / 2
    pairs = own.sum(axis=0) * counted[-1]
    found: NDArray[np.float64] = np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
    return found
