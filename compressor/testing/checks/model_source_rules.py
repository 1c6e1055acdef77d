"""Checks of models that plugins bring by name."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from compressor.base.errors import CompressorError, ModelError
from compressor.base.plugin_errors import fenced
from compressor.base.process_state import process_state_kept
from compressor.testing.check_record import NotRun, check
from compressor.testing.subject import Subject

_SAMPLES = 4
_WANTED = 0.3  # of each output, for a training step


@dataclass
class _Building:
    """What building a model gave. `weights` are its weights, each as bytes."""

    model: Any = None
    fault: str = ""
    unusable: str = ""
    printed: str = ""
    weights: list[bytes] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


@check(
    "model",
    reason="a recipe that names it could not be run",
    remedy="mend 'build'; raise compressor.ModelError(what, remedy) where something is missing",
)
def builds(subject: Subject) -> Iterable[str]:
    """The model can be built."""
    if fault := _built(subject).fault:
        yield fault


@check(
    "model",
    reason="steps look at the layers of a model, and rebuild it from them",
    remedy="return a functional or sequential tf_keras model that knows the shape of its inputs",
)
def is_a_model_that_steps_take(subject: Subject) -> Iterable[str]:
    """It is a functional model of tf_keras, with layers that do not hold the same weight twice."""
    building = _built(subject)
    if building.fault:
        raise NotRun("it cannot be built")
    if building.unusable:
        yield building.unusable


@check(
    "model",
    reason="the cache knows the model by the name, the parameters and the code alone",
    remedy="draw random numbers from a generator with a seed of its own; or set 'repeatable = False'",
)
def builds_the_same_again(subject: Subject) -> Iterable[str]:
    """Built again with the same seed, it has the same weights, unless `repeatable` is False."""
    if not subject.cls.repeatable:
        raise NotRun("it does not claim to: 'repeatable' is False")
    _usable(subject)
    again = subject.once("built again", lambda: _build(subject, 0))
    if again.weights != _built(subject).weights:
        yield "its weights differ the second time"


@check(
    "model",
    reason="a recipe need not train it, and measures it as it comes",
    remedy="load its weights in 'build', or leave 'trained' at False",
)
def trained_weights_come_with_it(subject: Subject) -> Iterable[str]:
    """A model that says `trained = True` has the same weights with whichever seed."""
    if not subject.cls.trained:
        raise NotRun("it does not claim to: 'trained' is False")
    _usable(subject)
    other = subject.once("built otherwise", lambda: _build(subject, 1))
    if other.weights != _built(subject).weights:
        yield "its weights depend on the seed, as those of an untrained model"


@check(
    "model",
    reason="every step starts from a file of the model",
    remedy="use layers of Keras, or register own classes under model.custom_objects in recipes",
)
def model_can_be_saved_and_loaded(subject: Subject) -> Iterable[str]:
    """The model can be saved and loaded, and computes the same afterwards."""
    import numpy as np

    from compressor.base.named_arrays import arrays_in
    from compressor.models.files.keras_files import load_keras, save_keras

    model, path = _usable(subject), subject.folder / "model.h5"
    with fenced("saving and loading it", ModelError):
        before = arrays_in(model.predict_on_batch(_inputs(model)))
        save_keras(model, path)
        after = arrays_in(load_keras(path).predict_on_batch(_inputs(model)))
    if not all(np.allclose(old, new, 1e-4, 1e-5) for old, new in zip(before, after, strict=True)):
        yield "it computes something else after it was saved and loaded"


@check(
    "model",
    reason="what ships is the file",
    remedy="make it of layers that the LiteRT converter knows",
)
def model_can_be_converted(subject: Subject) -> Iterable[str]:
    """The model can be converted, and the file runs and computes what the model does."""
    from compressor.measure.float_file import refuse_other_outputs
    from compressor.models.litert.conversion.converter import to_litert
    from compressor.models.litert.conversion.endpoint_names import input_names

    model = _usable(subject)
    if any(None in tensor.shape[1:] for tensor in model.inputs):
        raise NotRun("it leaves sizes of its inputs open, which the data gives it")
    with fenced("converting it", ModelError):
        inputs = _inputs(model)
        named: Any = inputs[0] if len(inputs) == 1 else dict(zip(input_names(model), inputs, strict=True))
        refuse_other_outputs(to_litert(model), model, named, "the model")
    return ()


@check(
    "model",
    reason="a training could not change them",
    remedy="look for operations without a gradient, such as rounding, and for layers that no output depends on",
)
def weights_get_gradients(subject: Subject) -> Iterable[str]:
    """Every trainable weight gets a finite gradient."""
    import tensorflow as tf

    model = _usable(subject)
    with fenced("a training step", ModelError), tf.GradientTape() as tape:
        outputs = tf.nest.flatten(model(_inputs(model), training=True))
        loss = tf.add_n([tf.reduce_mean(tf.square(output - _WANTED)) for output in outputs])
        gradients = tape.gradient(loss, model.trainable_variables)
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        if gradient is None:
            yield f"the weight '{weight.name}' gets no gradient"
        elif not bool(tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(gradient)))):
            yield f"the gradient of the weight '{weight.name}' is not finite"


@check(
    "model",
    reason="standard output belongs to the tool, and settings of the process belong to everybody",
    remedy="use logging, and leave seeds, precision and the working directory alone",
)
def builds_without_side_effects(subject: Subject) -> Iterable[str]:
    """Building prints nothing, and changes neither the working directory nor the environment nor settings of Keras."""
    building = _built(subject)
    yield from (f"it changed {what}" for what in building.changed)
    if building.printed:
        yield f"it printed {building.printed[:60]!r}"


def _built(subject: Subject) -> _Building:
    return subject.once("built", lambda: _build(subject, 0))


def _build(subject: Subject, seed: int) -> _Building:
    from compressor.models.files.model_checks import refuse_unusable
    from compressor.models.files.tensorflow_setup import prepare_tensorflow

    prepare_tensorflow(seed)
    import tf_keras

    tf_keras.backend.clear_session()
    prepare_tensorflow(seed)
    building, source, printed = _Building(), subject.instance, io.StringIO()
    try:
        with fenced("it", ModelError), process_state_kept(building.changed.append), redirect_stdout(printed):
            building.model = source.build()
    except ModelError as error:
        building.fault = str(error)
        return building
    finally:
        building.printed = printed.getvalue()
    try:
        refuse_unusable(building.model, "it", sizes_follow=True)
    except CompressorError as error:
        building.unusable = str(error)
    else:
        building.weights = [array.tobytes() for array in building.model.get_weights()]
    return building


def _usable(subject: Subject) -> Any:
    building = _built(subject)
    if building.fault or building.unusable:
        raise NotRun("it cannot be built" if building.fault else "it is no model that steps take")
    return building.model


def _inputs(model: Any) -> list[Any]:
    """Random inputs of a model, always the same; sizes that it leaves open are 32."""
    import numpy as np

    draw = np.random.default_rng(0)
    shapes = [(_SAMPLES, *(size or 32 for size in tensor.shape[1:])) for tensor in model.inputs]
    return [
        draw.random(shape).astype(tensor.dtype.as_numpy_dtype)
        for shape, tensor in zip(shapes, model.inputs, strict=True)
    ]
