"""All of a split at once, and what an error says."""

import numpy as np
import pytest

from compressor.base.errors import DataError


def inputs_of(split):
    return np.concatenate([inputs for inputs, _ in split.batches(64)])


def labels_of(split):
    return np.concatenate([labels for _, labels in split.batches(64)])


def trained_on(split, batch_size=64, seed=0, first=0, epochs=1):
    """What a training sees, batch by batch."""
    return list(split.training_batches(batch_size, seed, first, epochs).as_numpy_iterator())


def refusal(call, *arguments):
    with pytest.raises(DataError) as caught:
        call(*arguments)
    return str(caught.value)
