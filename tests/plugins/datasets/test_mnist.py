"""The embedded MNIST is the real one, all of it."""

import hashlib
import struct

import numpy as np
import pytest

MD5 = {  # of the four files that LeCun, Cortes and Burges published, unpacked
    "x_train": "6bbc9ace898e44ae57da46a324031adb",
    "y_train": "a25bea736e30d166cdddb491f175f624",
    "x_test": "2646ac647ad5339dbf082846283269ea",
    "y_test": "27ae3e4e09519cfbb04c329615203637",
}


def as_idx(array):
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}i", *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.mark.parametrize("name", MD5)
def test_each_array_is_the_published_file(mnist, name):
    kind, _, part = name.partition("_")
    split = getattr(mnist, part)
    array = split.samples.inputs if kind == "x" else split.samples.targets
    assert hashlib.md5(as_idx(array)).hexdigest() == MD5[name]


def test_images_reach_the_model_as_floats_from_0_to_1(mnist):
    features, labels = next(mnist.test.batches(100))
    assert features.dtype == np.float32
    assert features.shape == (100, 28, 28)
    assert (features.min(), features.max()) == (0.0, 1.0)
    assert labels[:4].tolist() == [7, 2, 1, 0]
