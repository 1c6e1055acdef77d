"""What a MINIMUM or MAXIMUM cuts off stays whole for all others that take it."""

import numpy as np
import pytest

from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.running.interpreter import LiteRTModel


@pytest.mark.parametrize(("layer", "sign"), [("Minimum", 1), ("Maximum", -1)])
def test_what_a_minimum_takes_is_whole_for_what_else_takes_it(tensorflow, layer, sign):
    import tf_keras
    from tf_keras import layers

    inputs = tf_keras.Input((4,))
    wide = layers.Rescaling(4.0 * sign)(layers.ReLU()(inputs))
    narrow = getattr(layers, layer)()([wide, layers.Activation("tanh")(wide)])
    model = tf_keras.Model(inputs, layers.Concatenate()([layers.Rescaling(0.25)(wide), narrow]))
    samples = np.random.default_rng(0).uniform(-1, 1, (200, 4)).astype(np.float32)
    content = to_litert(model, Conversion("int8", calibration=iter(samples[:, None])))
    np.testing.assert_allclose(LiteRTModel(content).run(samples), model(samples), atol=0.1)
