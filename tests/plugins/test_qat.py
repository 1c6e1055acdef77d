"""Quantization-aware training: every weight is simulated, zeros stay, and what is left alone is named."""

import numpy as np
import pytest

from compressor.anatomy import dissect
from compressor.export import Conversion, to_litert
from compressor.keras_files import load_keras, save_keras
from compressor.litert import LiteRTModel
from compressor.state import ModelState
from compressor_plugins.prune import Prune
from compressor_plugins.qat import QAT
from compressor_plugins.relu_fusion import fuse_relus
from compressor_plugins.rewrites import rewritten


def qat(model, context, **params):
    return QAT(QAT.Params(**{"epochs": 1, "batch_size": 200, **params})).apply(model, context)


def shipped(model):
    return to_litert(model, Conversion("int8"))


@pytest.fixture
def separate_relu(tensorflow):
    """A convolution and a dense layer, each with a ReLU of its own after it."""
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, name="conv"),
            layers.ReLU(name="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(16, name="hidden"),
            layers.Activation("relu", name="act"),
            layers.Dense(10, name="head"),
        ]
    )


def test_weights_before_a_separate_relu_are_quantized_and_keep_their_zeros(separate_relu, step_context):
    # tfmot skips them without a word, and the prune-preserving scheme then loses every zero there
    pruned = Prune(Prune.Params(epochs=1, batch_size=200, final_sparsity=0.75)).apply(separate_relu, step_context())
    context = step_context(ModelState().add("sparse"))
    anatomy = dissect(shipped(qat(pruned, context)))
    assert {tensor.dtype for tensor in anatomy.kernels} == {"int8"}
    assert min(tensor.zeros / tensor.size for tensor in anatomy.kernels) >= 0.749
    assert context.notes == ["fused 2 ReLUs into the layer before: relu, act"]
    assert context.left_alone == {}


def test_fusing_changes_no_output(separate_relu, digits):
    images = next(digits.test.batches(20))[0]
    fused, done = rewritten(separate_relu, [fuse_relus])
    names = [name for one in done for name in one.changed]
    assert names == ["relu", "act"]
    np.testing.assert_allclose(
        fused.predict(images, verbose=0), separate_relu.predict(images, verbose=0), rtol=1e-5, atol=1e-6
    )


def test_a_relu_whose_input_is_used_elsewhere_is_not_fused(tensorflow):
    import tf_keras
    from tf_keras import layers

    inputs = tf_keras.Input((8,))
    hidden = layers.Dense(4, name="hidden")(inputs)
    model = tf_keras.Model(inputs, layers.Concatenate()([layers.ReLU()(hidden), hidden]))
    fused, done = rewritten(model, [fuse_relus])
    names = [name for one in done for name in one.changed]
    assert names == []
    assert fused.get_layer("hidden").activation.__name__ == "linear"


def test_the_weights_before_a_relu_with_a_ceiling_are_quantized_as_well(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Flatten(),
            layers.Dense(16, name="hidden"),
            layers.ReLU(6.0),
            layers.Dense(10),
        ]
    )
    context = step_context()
    anatomy = dissect(shipped(qat(model, context)))
    assert [tensor.dtype for tensor in anatomy.kernels] == ["int8", "int8"]
    assert context.left_alone == {}


def test_layers_that_tfmot_cannot_quantize_are_left_alone_and_named(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Conv1D(4, 3, name="conv1d"),
            layers.Flatten(),
            layers.Dense(10, name="dense"),
        ]
    )
    context = step_context()
    quantized = qat(model, context)
    assert context.left_alone == {"conv1d": "tfmot cannot quantize Conv1D"}
    assert {"conv1d", "quant_dense"} <= {layer.name for layer in quantized.layers}


def test_a_saved_model_gives_the_same_outputs_and_the_same_file(small_cnn, step_context, digits, tmp_path):
    # saved as .keras it could not be loaded again at all
    model = qat(small_cnn(), step_context())
    path = tmp_path / "qat model.h5"
    save_keras(model, path)
    loaded = load_keras(path, QAT(QAT.Params()).custom_objects())
    images = next(digits.test.batches(50))[0]
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))
    assert shipped(loaded) == shipped(model)


def test_the_shipped_file_agrees_with_the_simulation(small_cnn, step_context, digits):
    model = qat(small_cnn(), step_context(), epochs=3, batch_size=50)
    images = next(digits.test.batches(500))[0]
    simulated = model.predict(images, verbose=0)
    real = LiteRTModel(shipped(model)).run(images)
    assert np.abs(simulated - real).max() < 0.1 * np.abs(simulated).max()
    assert (simulated.argmax(1) == real.argmax(1)).mean() > 0.99


def test_a_subclassed_model_is_refused(tensorflow, step_context):
    import tf_keras

    from compressor.errors import StepError

    class Own(tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf_keras.layers.Dense(10)

        def call(self, inputs):
            return self.dense(tf_keras.backend.batch_flatten(inputs))

    with pytest.raises(StepError) as error:
        qat(Own(), step_context())
    assert str(error.value) == (
        "quantization-aware training needs a functional or sequential model; "
        "rewrite the subclassed model, or use 'ptq' alone"
    )
