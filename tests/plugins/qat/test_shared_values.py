"""Which kernels `qat` takes for clustered as a whole, and gives one scale."""

import numpy as np

from compressor_plugins.cluster.centroids import clustered
from compressor_plugins.qat.tfmot_wrapper_configs import shares_values


def made(shape, **options):
    generator = np.random.default_rng(0)
    return clustered(generator.normal(size=shape).astype(np.float32), 16, "linear", generator, **options)


def test_channels_that_share_their_values_make_a_kernel_clustered_as_a_whole():
    assert shares_values(made((3, 3, 8, 12)))
    assert shares_values(made((40, 2)))  # the channels of a head for two classes share most values, and not all


def test_values_of_each_channel_and_weights_as_they_are_do_not():
    assert not shares_values(made((3, 3, 8, 12), per_channel=True))
    assert not shares_values(np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32))
