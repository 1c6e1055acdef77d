"""The training loop: what a training costs before its first step."""

import pytest

from compressor.contracts.observer import Observer
from compressor.recipe.training_params import TrainingParams
from compressor.training.trainer import Trainer


@pytest.mark.parametrize("metric", ["accuracy", None])
def test_a_training_step_is_traced_once(tensorflow, step_context, digits, metric):
    """Variables that are made while it is traced would have it traced again, which is minutes for deep models."""
    import tf_keras

    from compressor.contracts.configured_metric import ConfiguredMetric
    from compressor_plugins.metrics.classification import Accuracy

    traced = []

    class Counting(tf_keras.layers.Flatten):
        def call(self, inputs, training=None):
            traced.append(training)
            return super().call(inputs)

    model = tf_keras.Sequential([tf_keras.layers.InputLayer((28, 28)), Counting(), tf_keras.layers.Dense(10)])
    traced.clear()
    metrics = [ConfiguredMetric.of(Accuracy())] if metric else []
    trainer = Trainer("t", digits, 0, Observer(), metrics, smoke=False)
    trainer.fit(model, TrainingParams(epochs=2, batch_size=500), [], 0)
    assert traced == [True, False]
