"""Classification accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compressor.strategy import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Accuracy(Metric):
    """Share of samples whose highest output is the label's class; labels are class numbers or one-hot."""

    name = "accuracy"
    share = True
    keras_name = "accuracy"

    def per_sample(self, outputs: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
        """1 for a sample that is right and 0 for one that is not; outputs have shape (n, classes)."""
        classes = labels.argmax(axis=1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.reshape(-1)
        right: NDArray[np.float64] = (outputs.argmax(axis=1) == classes).astype("float64")
        return right
