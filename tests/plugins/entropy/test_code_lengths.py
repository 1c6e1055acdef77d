"""The model of code lengths comes close to what the coder writes, and tells apart what costs much and what little."""

import numpy as np
import pytest

from compressor.models.packing import weights_size
from compressor_plugins.entropy.code_lengths import code_lengths


def matrix(share, rows=60, columns=320, seed=0, spread=1.2):
    generator = np.random.default_rng(seed)
    sizes = np.ceil(np.abs(generator.normal(0, spread, (rows, columns)))).astype(np.int64)
    signs = generator.choice([-1, 1], (rows, columns))
    return np.where(generator.random((rows, columns)) < share, np.minimum(sizes, 7) * signs, 0)


@pytest.mark.parametrize(("share", "off"), [(0.03, 0.16), (0.1, 0.06), (0.3, 0.05), (0.7, 0.05)])
def test_the_total_is_near_the_bytes_that_are_written(share, off):
    levels = matrix(share)
    written = weights_size([levels.astype(np.int8)])
    assert code_lengths(levels, 31).total / 8 == pytest.approx(written, rel=off)


def test_the_total_is_near_the_bytes_where_whole_rows_and_columns_are_empty():
    levels = matrix(0.3)
    levels[10:40], levels[:, 100:] = 0, 0
    written = weights_size([levels.astype(np.int8)])
    assert code_lengths(levels, 31).total / 8 == pytest.approx(written, rel=0.1)


def test_a_weight_beside_others_costs_less_than_one_in_an_empty_row():
    levels = matrix(0.3)
    levels[0] = 0
    found = code_lengths(levels, 31)
    assert (found.one - found.zero)[0].min() > (found.one - found.zero)[1:].max()


def test_a_larger_weight_never_costs_less():
    found = code_lengths(np.full((8, 8), 5), 31)
    assert (np.diff(found.larger) > 0).all()
    assert found.larger[0] == 0


def test_weights_that_are_all_zero_cost_hardly_anything():
    found = code_lengths(np.zeros((60, 320), np.int64), 31)
    assert found.total / 8 < 10


def test_the_bytes_of_matrices_are_those_that_a_package_grows_by(tensorflow, small_cnn):
    from compressor import Conversion, to_litert
    from compressor.models.litert import shrunk
    from compressor.models.packing import pack

    generator = np.random.default_rng(0)
    samples = [generator.random((1, 28, 28), np.float32) for _ in range(4)]
    model = small_cnn()
    kernel = model.get_layer("dense").kernel
    sizes, alone = [], []
    for share in (0.05, 0.4):
        levels = matrix(share, *kernel.shape[::-1])
        levels[:, 0] = 7  # so that all channels have one scale
        kernel.assign(levels.T / 7)
        content = to_litert(model, Conversion("int8", calibration=iter(samples)))
        sizes.append(len(pack(shrunk(content), "model")))
        alone.append(weights_size([np.round(levels * 127 / 7).astype(np.int8)]))
    assert sizes[1] - sizes[0] == pytest.approx(alone[1] - alone[0], rel=0.02)
