"""How closely an autoencoder reproduces its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compressor.contracts.metric import Batch, Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ReconstructionError(Metric):
    """Mean squared difference between a model's output and its input; labels are not used."""

    name = "reconstruction_error"
    higher_is_better = False
    takes = "outputs of the inputs' shape; any labels"

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """The error of each sample."""
        return errors(batch)


def errors(batch: Batch) -> NDArray[np.float64]:
    """Mean squared difference between output and input of each sample, shape (n,).

    Raises:
        ValueError: there are several inputs, or input and output differ in size.
    """
    from compressor.data import arrays_in

    inputs, *others = arrays_in(batch.inputs)
    if others:
        raise ValueError("it takes a model with one input")
    if inputs.size != batch.outputs.size:
        raise ValueError(f"it takes outputs of the inputs' shape {inputs.shape}")
    gaps = (batch.outputs - inputs.reshape(batch.outputs.shape)).astype("float64") ** 2
    means: NDArray[np.float64] = gaps.reshape(len(gaps), -1).mean(axis=1)
    return means
