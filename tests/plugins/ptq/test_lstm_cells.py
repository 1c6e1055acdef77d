"""The cells of an LSTM may stay small or grow large, and its file in integers computes what the model does."""

import numpy as np
import pytest

from compressor.data.prepared_splits import RunData
from compressor.data.split import ArraySplit
from compressor.models.litert.reading.graph_contents import float_operators
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.ptq.ptq import PTQ


def adding(steps, growth, kept):
    """A model whose LSTM adds up what it takes, times `growth`, and of its cells keeps a share in each step."""
    import tf_keras
    from tf_keras import layers

    cells = layers.LSTM(2, return_sequences=True)
    model = tf_keras.Sequential([layers.InputLayer((steps, 2)), cells, layers.Dense(2, name="head")])
    from_inputs, from_outputs = np.random.default_rng(1).normal(0, 0.01, (2, 2, 8)).astype(np.float32)
    from_inputs[:, 4:6], from_outputs[:, 4:6] = growth * np.eye(2), 0.01 * growth * np.eye(2)
    forgetting = np.log(kept / (1 - kept))
    biases = np.repeat(np.array([6, forgetting, 0, 6], np.float32), 2)  # gates of input, forget, cell and output
    cells.set_weights([from_inputs, from_outputs, biases])
    model.get_layer("head").set_weights([np.eye(2, dtype=np.float32), np.zeros(2, np.float32)])
    return model


@pytest.mark.parametrize(
    ("steps", "growth", "kept"),
    [(8, 0.03, 0.1), (8, 0.1, 0.5), (8, 1.0, 0.9), (100, 2.0, 0.9975)],
    ids=["to 0.03", "to 0.2", "to 4", "to 80"],
)
def test_a_file_in_integers_follows_the_cells(tensorflow, step_context, steps, growth, kept):
    model = adding(steps, growth, kept)
    inputs = np.random.default_rng(0).uniform(0.2, 1, (32, steps, 2)).astype(np.float32)
    split = ArraySplit(inputs, np.zeros((32, 2), np.float32))
    context = step_context(data=RunData("sums", split, split, split))
    content = PTQ(PTQ.Params()).apply(model, context)
    assert not float_operators(content)
    file, expected = LiteRTModel(content), model.predict(inputs, verbose=0)
    found = np.concatenate([file.run(sample[None]) for sample in inputs])
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()
