"""Compiles a model for its training: optimizer, losses, and the metrics that are shown while it trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from compressor.base.errors import StepError
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.models.files.inputs_and_outputs import model_endings
from compressor.models.litert.conversion.endpoint_names import keras_keys, output_names
from compressor.recipe.training_params import TrainingParams
from compressor.training.adam import with_shared_updates
from compressor.training.losses import losses_for


def compile_model(model: Any, params: TrainingParams, metrics: Sequence[ConfiguredMetric], total_steps: int) -> Any:
    """Compile a tf_keras model in place, and return its optimizer.

    Args:
        model: to train.
        params: how to train it.
        metrics: those of them that Keras has are shown while it trains.
        total_steps: optimizer steps of the whole training, over which the learning rate decays.

    Raises:
        StepError: there is no such loss, or no output that a loss or a weight is named for.
    """
    optimizer = _optimizer(params, total_steps)
    model.compile(
        optimizer=optimizer,
        loss=losses_for(model, params.loss),
        loss_weights=_loss_weights(model, params.loss_weights),
        metrics=_keras_metrics(model, metrics),
        weighted_metrics=[],  # those that are shown count each sample once; without this, Keras warns of it
    )
    return optimizer


def _loss_weights(model: Any, weights: Mapping[str, float]) -> dict[str, float] | None:
    keys = dict(zip(output_names(model), keras_keys(model), strict=True))
    if unknown := [name for name in weights if name not in keys]:
        what = f"'loss_weights' names the output '{unknown[0]}', and the model has {', '.join(keys)}"
        raise StepError(what, "name one of these")
    return {key: weights.get(name, 1.0) for name, key in keys.items()} if weights and len(keys) > 1 else None


def _keras_metrics(model: Any, metrics: Sequence[ConfiguredMetric]) -> Any:
    """Keras' own metrics, as `compile` takes them; a metric that Keras does not have is left out."""
    import tf_keras

    names, endings = output_names(model), model_endings(model)
    keys = dict(zip(names, keras_keys(model), strict=True))
    shown: dict[str, list[Any]] = {key: [] for key in keys.values()}
    for configured in metrics:
        output = configured.output or (names[0] if len(names) == 1 else None)
        metric = configured.metric.keras_name
        if metric is None or output not in keys:
            continue
        single = dict(zip(names, model.outputs, strict=True))[output].shape[-1] == 1
        if endings[output] == "linear" and (metric == "binary_accuracy" or (metric == "accuracy" and single)):
            shown[keys[output]].append(tf_keras.metrics.BinaryAccuracy(name=metric, threshold=0.0))
        else:
            shown[keys[output]].append(metric)
    return shown if len(names) > 1 else next(iter(shown.values()), [])


def build_metrics(model: Any, batches: Any) -> None:
    """Make the variables of a model's metrics before its train step is traced.

    A train step that makes variables is traced twice, and tracing is half of the time until a deep model trains.
    """
    metrics, outputs = model.compiled_metrics, model._nested_outputs
    metrics.build(outputs, metrics._conform_to_outputs(outputs, batches.element_spec[1]))


def _optimizer(params: TrainingParams, total_steps: int) -> Any:
    import tf_keras

    rate: Any = params.learning_rate
    if params.decay == "cosine":
        rate = tf_keras.optimizers.schedules.CosineDecay(params.learning_rate, total_steps)
    makers = {
        "adam": lambda **settings: with_shared_updates(tf_keras.optimizers.Adam(**settings)),
        "nadam": tf_keras.optimizers.Nadam,
        "rmsprop": tf_keras.optimizers.RMSprop,
        "sgd": partial(tf_keras.optimizers.SGD, momentum=0.9, nesterov=True),
    }
    return makers[params.optimizer](learning_rate=rate, weight_decay=params.weight_decay or None)
