"""A plugin that trains keeps the zeros and clusters of earlier steps by the callbacks that its context gives."""

import numpy as np
import pytest

from compressor import ModelState, StepContext


@pytest.mark.parametrize("trait", ["sparse", "clustered", None])
def test_the_structure_of_earlier_steps_is_kept_in_training(tensorflow, trait):
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([tf_keras.Input((8,)), tf_keras.layers.Dense(16), tf_keras.layers.Dense(1)])
    kernel = np.where(np.arange(128) % 2, 0.5, 0.0).reshape(8, 16)
    model.layers[0].kernel.assign(kernel)
    state = ModelState().add(trait) if trait else ModelState()
    callbacks = StepContext(state=state, train=None, trainer=None, seed=0).kept_structure(model)
    assert len(callbacks) == (1 if trait else 0)
    model.compile("sgd", "mse")
    model.fit(np.random.rand(32, 8), np.ones(32), epochs=2, verbose=0, callbacks=callbacks)
    after = model.layers[0].kernel.numpy()
    zeros, values = np.count_nonzero(after == 0), len(np.unique(after))
    assert {"sparse": zeros == 64 and values > 2, "clustered": zeros == 64 and values == 2, None: zeros == 0}[trait]
