"""An average before a ReLU: the file does not cut values off before it averages them."""

import numpy as np
import pytest

from compressor.contracts.model_state import ModelState
from compressor.data.prepared_splits import RunData
from compressor.data.split import ArraySplit
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.ptq.ptq import PTQ
from compressor_plugins.qat.qat import QAT


@pytest.mark.parametrize("kind", ["AveragePooling1D", "AveragePooling2D"])
def test_the_file_agrees_with_the_trained_model(tensorflow, step_context, kind):
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    rows = [] if kind == "AveragePooling1D" else [layers.Reshape((4, 4, 2))]
    averaged = [layers.InputLayer((16, 2)), layers.Dense(2), *rows, getattr(layers, kind)(), layers.ReLU()]
    model = tf_keras.Sequential([*averaged, layers.Flatten(), layers.Dense(3)])
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(32, 16, 2)).astype(np.float32)
    split = ArraySplit(inputs, generator.normal(size=(32, 3)).astype(np.float32))
    context = step_context(data=RunData("noise", split, split, split))
    step = QAT(QAT.Params(epochs=1, batch_size=16, learning_rate=1e-4, loss="mse"))
    trained = step.apply(model, context)
    context.state = step.plan(ModelState())
    found = LiteRTModel(PTQ(PTQ.Params()).apply(trained, context)).run(inputs)
    expected = trained.predict(inputs, verbose=0)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()
