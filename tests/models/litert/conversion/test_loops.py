"""Loops of recurrent layers are taken step by step, and the model is left as it was."""

import pytest

from compressor.base.errors import StepError
from compressor.models.litert.conversion.loops import unrolled


def test_a_model_is_unrolled_for_a_while_and_layers_within_others_are_too(tensorflow):
    import tf_keras
    from tf_keras import layers

    both = layers.Bidirectional(layers.GRU(2), name="both")
    model = tf_keras.Sequential([layers.InputLayer((5, 3)), both])
    inner = [both.forward_layer, both.backward_layer]
    with unrolled(model) as names:
        assert sorted(names) == sorted(layer.name for layer in inner)
        assert [layer.unroll for layer in inner] == [True, True]
    assert [layer.unroll for layer in inner] == [False, False]


def test_a_long_loop_within_another_layer_is_refused(tensorflow):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((300, 3)), layers.Bidirectional(layers.GRU(2), name="both")])
    with pytest.raises(StepError) as error, unrolled(model):
        pass
    assert str(error.value) == (
        "'both' (Bidirectional) loops over 300 steps, and loops compute in float alone; "
        "use 'precision: dynamic', or give the model at most 256 steps"
    )
