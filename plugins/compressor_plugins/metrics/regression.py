"""Regression metrics: how far outputs are from labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compressor.contracts.metric import Batch, Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TAKES = "outputs (n, ...); a number for each"


class MeanAbsoluteError(Metric):
    """Mean absolute difference between outputs and labels."""

    name = "mean_absolute_error"
    higher_is_better = False
    keras_name = "mean_absolute_error"
    takes = _TAKES

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """The mean absolute difference of each sample."""
        import numpy as np

        means: NDArray[Any] = np.abs(_gaps(batch)).mean(axis=1)
        return means


class MAE(MeanAbsoluteError):  # noqa: N818 - an error, and no exception
    """Short for mean_absolute_error."""

    name = "mae"


class MeanSquaredError(Metric):
    """Mean squared difference between outputs and labels."""

    name = "mean_squared_error"
    higher_is_better = False
    keras_name = "mean_squared_error"
    takes = _TAKES

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """The mean squared difference of each sample."""
        means: NDArray[Any] = (_gaps(batch) ** 2).mean(axis=1)
        return means


class MSE(MeanSquaredError):  # noqa: N818
    """Short for mean_squared_error."""

    name = "mse"


class RootMeanSquaredError(MeanSquaredError):
    """Square root of the mean squared difference between outputs and labels."""

    name = "root_mean_squared_error"
    keras_name = "RootMeanSquaredError"

    def score(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The square root of the mean squared difference."""
        import numpy as np

        return np.sqrt(means)


class RMSE(RootMeanSquaredError):  # noqa: N818
    """Short for root_mean_squared_error."""

    name = "rmse"


class R2(Metric):
    """Coefficient of determination: the share of the labels' variance that outputs explain.

    Below 0 when the outputs are worse than the labels' mean. With several outputs per sample, the mean over them.
    """

    name = "r2"
    takes = "outputs (n,) or (n, numbers); a number for each"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """Squared error, label and squared label, shape (n, numbers, 3)."""
        import numpy as np

        gaps = _gaps(batch)
        labels = batch.labels.reshape(gaps.shape).astype(np.float64)
        return np.stack([gaps**2, labels, labels**2], axis=-1)

    def score(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 minus the ratio of squared error to variance; NaN where all labels are equal."""
        import numpy as np

        error, mean, square = means[..., 0], means[..., 1], means[..., 2]
        variance = square - mean**2
        explained = 1 - np.divide(error, variance, out=np.full_like(error, np.nan), where=variance > 1e-12 * square)
        mean_explained: NDArray[np.float64] = explained.mean(axis=-1)
        return mean_explained


class CosineSimilarity(Metric):
    """Mean cosine of the angle between a sample's outputs and labels, from -1 to 1."""

    name = "cosine_similarity"
    takes = "outputs (n, ...); a number for each"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """The cosine of each sample, taken over all of its numbers; 0 where one side is all zeros."""
        import numpy as np

        _gaps(batch)
        outputs = batch.outputs.reshape(len(batch.outputs), -1).astype(np.float64)
        labels = batch.labels.reshape(outputs.shape).astype(np.float64)
        lengths = np.linalg.norm(outputs, axis=1) * np.linalg.norm(labels, axis=1)
        cosines: NDArray[Any] = np.divide(
            (outputs * labels).sum(axis=1), lengths, out=np.zeros(len(outputs)), where=lengths > 0
        )
        return cosines


def _gaps(batch: Batch) -> NDArray[np.float64]:
    """Outputs minus labels, shape (n, numbers per sample)."""
    if batch.labels.size != batch.outputs.size:
        raise ValueError("it takes a label for each output")
    labels = batch.labels.reshape(batch.outputs.shape).astype("float64")
    gaps: NDArray[np.float64] = batch.outputs.astype("float64") - labels
    return gaps.reshape(len(gaps), -1)
