"""Distillation: trains a model with a teacher, by its softened outputs and by hints from its layers.

Both losses are part of the train step's graph and see the same batch as the student. The teacher runs as in inference,
without dropout. It is part neither of the student, nor of its file, its checkpoints or its validation loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from compressor.base.errors import StepError
from compressor.base.import_path import names_function
from compressor.base.types import EndsIn
from compressor.models.files.inputs_and_outputs import model_endings
from compressor.models.litert.conversion.endpoint_names import input_names, keras_keys, output_names
from compressor.recipe.loss_names import full_name
from compressor.recipe.training_params import Hint, Teacher, TrainingParams
from compressor.training.distribution import share_of_device
from compressor.training.half_precision import as_float32
from compressor.training.losses import named_losses

_CLASSES = (
    "categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge", "kl_divergence",
    "sparse_categorical_crossentropy",
)  # fmt: skip
_BINARY = ("binary_crossentropy", "binary_focal_crossentropy", "hinge", "squared_hinge")
_SMALLEST = 1e-30  # probability whose logarithm is taken; float32 can still hold it

_Kind: TypeAlias = Literal["one class", "yes or no", "number"]


@dataclass(frozen=True)
class _Output:
    """How one output of the student is compared with the teacher's."""

    kind: _Kind
    student: EndsIn
    teacher: EndsIn
    weight: float


class Distillation:
    """A training with a teacher.

    `variables` are the projections of hints, which are trained with the student and dropped afterwards.
    """

    def __init__(self, student: Any, teacher: Any, params: TrainingParams, settings: Teacher, seed: int) -> None:
        """Prepare a training.

        Args:
            student: a compiled tf_keras model with named layers.
            teacher: a tf_keras model with the same inputs and outputs.
            params: how the student is trained.
            settings: temperature, shares and hints.
            seed: of the projections' initial values.

        Raises:
            StepError: inputs or outputs of the two have other shapes, or a hint names a layer that is not there.
        """
        import tf_keras

        self._student = student
        self._teacher_inputs = _matched_inputs(student, teacher)
        self._outputs = _outputs(student, teacher, params)
        self._temperature, self._soft_share = settings.temperature, settings.soft_share
        self._hint_weight = settings.hint_weight
        taught = [_tapped(teacher, hint.teacher, "teacher") for hint in settings.hints]
        learned = [_tapped(student, hint.student, "student") for hint in settings.hints]
        self._teacher_taps = tf_keras.Model(teacher.inputs, [*teacher.outputs, *taught])
        self._student_taps = tf_keras.Model(student.inputs, [*student.outputs, *learned])
        self.variables = _projections(settings.hints, learned, taught, seed)

    @contextmanager
    def active(self) -> Iterator[None]:
        """While the context lasts, the student's `fit` trains with the teacher."""
        self._student.train_step = self._train_step
        try:
            yield
        finally:
            del self._student.train_step

    def _train_step(self, data: Any) -> Any:
        import tensorflow as tf
        import tf_keras

        student = self._student
        inputs, labels, weights = tf_keras.utils.unpack_x_y_sample_weight(data)
        count = len(self._outputs)
        taught = tf.nest.flatten(self._teacher_taps(self._teacher_inputs(inputs), training=False))
        with tf.GradientTape() as tape:
            learned = [as_float32(tensor) for tensor in tf.nest.flatten(self._student_taps(inputs, training=True))]
            outputs = tf.nest.pack_sequence_as(student.output, learned[:count])
            hard = student.compute_loss(inputs, labels, outputs, weights)
            soft = self._soft_loss(learned[:count], taught[:count], weights)
            if student.losses:  # regularization is part of the hard loss, and no less needed
                soft += tf.add_n(student.losses)
            share = share_of_device(inputs)  # by which the hard loss counts already
            loss = (1 - self._soft_share) * hard + self._soft_share * share * soft
            if self.variables:
                loss += share * self._hint_weight * self._hint_loss(learned[count:], taught[count:], weights)
        student.optimizer.minimize(loss, [*student.trainable_variables, *self.variables], tape=tape)
        return student.compute_metrics(inputs, labels, outputs, weights)

    def _soft_loss(self, learned: Sequence[Any], taught: Sequence[Any], weights: Any) -> Any:
        import tensorflow as tf

        return tf.add_n(
            [
                output.weight * _mean(_difference(output, own, wanted, self._temperature), _weights_of(key, weights))
                for key, output, own, wanted in zip(
                    keras_keys(self._student), self._outputs, learned, taught, strict=True
                )
            ]
        )

    def _hint_loss(self, learned: Sequence[Any], taught: Sequence[Any], weights: Any) -> Any:
        import tensorflow as tf

        projected = [tf.tensordot(own, kernel, 1) for kernel, own in zip(self.variables, learned, strict=True)]
        of_all = None if isinstance(weights, Mapping) else weights  # a hint belongs to no output
        return tf.add_n([_mean((own - wanted) ** 2, of_all) for own, wanted in zip(projected, taught, strict=True)])


def _difference(output: _Output, learned: Any, taught: Any, temperature: float) -> Any:
    """The soft loss of one output, of each entry of a batch: a sample, or a place in it.

    Numbers are compared by their squared difference. Classes are compared by cross-entropy at the temperature, times
    its square, so that gradients are as large as those of the labels' loss, and less the teacher's own entropy, so that
    the loss is 0 where the two agree.
    """
    import tensorflow as tf

    if output.kind == "number":
        return (learned - taught) ** 2
    own = _logits(learned, output.student, output.kind) / temperature
    wanted = _logits(taught, output.teacher, output.kind) / temperature
    if output.kind == "one class":
        divergence = tf.nn.softmax(wanted) * (tf.nn.log_softmax(wanted) - tf.nn.log_softmax(own))
        return temperature**2 * tf.reduce_sum(divergence, -1)
    probability = tf.sigmoid(wanted)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits
    return temperature**2 * (cross_entropy(probability, own) - cross_entropy(probability, wanted))


def _mean(values: Any, weights: Any) -> Any:
    """The mean over a batch and all places in its samples, each times its weight, as Keras takes it of other losses."""
    import tensorflow as tf

    if weights is None:
        return tf.reduce_mean(values)
    axes = list(range(len(weights.shape), len(values.shape)))
    return tf.reduce_mean(tf.reduce_mean(values, axes) * tf.cast(weights, values.dtype))


def _weights_of(key: str, weights: Any) -> Any:
    return weights.get(key) if isinstance(weights, Mapping) else weights


def _logits(values: Any, ends_in: EndsIn, kind: _Kind) -> Any:
    """The logits of an output; those of a softmax are off by a constant, which another softmax does not see."""
    import tensorflow as tf

    if ends_in == "linear":
        return values
    logarithm = tf.math.log(tf.maximum(values, _SMALLEST))
    return logarithm if kind == "one class" else logarithm - tf.math.log(tf.maximum(1 - values, 1e-7))


def _outputs(student: Any, teacher: Any, params: TrainingParams) -> list[_Output]:
    """How each output of the student is compared; one without a loss has no weight."""
    losses = named_losses(student, params.loss)
    endings, teacher_endings = model_endings(student), list(model_endings(teacher).values())
    return [
        _Output(
            _kind(losses.get(name, ""), endings[name]),
            endings[name],
            teacher_endings[index],
            params.loss_weights.get(name, 1.0) if name in losses else 0.0,
        )
        for index, name in enumerate(output_names(student))
    ]


def _kind(loss: str, ends_in: EndsIn) -> _Kind:
    """What an output tells, by its loss, or by what it ends in where the loss is a function of the user's."""
    if names_function(loss):
        kinds: Mapping[EndsIn, _Kind] = {"softmax": "one class", "sigmoid": "yes or no", "linear": "number"}
        return kinds[ends_in]
    return "one class" if full_name(loss) in _CLASSES else "yes or no" if full_name(loss) in _BINARY else "number"


def _matched_inputs(student: Any, teacher: Any) -> Callable[[Any], Any]:
    """A function that brings the student's inputs into the teacher's order.

    Raises:
        StepError: inputs or outputs of the two have other shapes.
    """
    names, teacher_names = input_names(student), input_names(teacher)
    same_names = set(names) == set(teacher_names)
    order = [names.index(name) for name in teacher_names] if same_names else list(range(len(names)))
    inputs = [tuple(student.inputs[index].shape[1:]) for index in order]
    _refuse_other_shapes("takes", inputs, [tuple(tensor.shape[1:]) for tensor in teacher.inputs], "for the same data")
    own, wanted = ([tuple(tensor.shape[1:]) for tensor in model.outputs] for model in (student, teacher))
    _refuse_other_shapes("gives", own, wanted, "with the same outputs")

    def ordered(inputs: Any) -> Any:
        if len(order) == 1:
            return inputs
        tensors = [inputs[name] for name in names] if isinstance(inputs, Mapping) else list(inputs)
        return [tensors[index] for index in order]

    return ordered


def _refuse_other_shapes(verb: str, student: Sequence[Any], teacher: Sequence[Any], remedy: str) -> None:
    if list(student) != list(teacher):
        what = f"the teacher {verb} {_spelt(teacher)}, and the model that is trained {verb} {_spelt(student)}"
        raise StepError(what, f"name a teacher {remedy}")


def _spelt(shapes: Sequence[tuple[int | None, ...]]) -> str:
    return " and ".join(
        f"({', '.join(['n', *('any' if size is None else str(size) for size in shape)])})" for shape in shapes
    )


def _tapped(model: Any, name: str, who: str) -> Any:
    """The output of a layer; one in a wrapper of tfmot's is found by its own name, too."""
    layers = {getattr(getattr(layer, "layer", layer), "name", layer.name): layer for layer in model.layers}
    layers |= {layer.name: layer for layer in model.layers}
    if name not in layers:
        raise StepError(f"a hint names the {who}'s layer '{name}'", f"name one of {', '.join(layers)}")
    try:
        return layers[name].output
    except AttributeError:
        raise StepError(f"the {who}'s layer '{name}' is used more than once", "give a hint of another layer") from None


def _projections(hints: Sequence[Hint], learned: Sequence[Any], taught: Sequence[Any], seed: int) -> list[Any]:
    """A matrix for each hint that maps the student's channels to the teacher's, shape (student's, teacher's)."""
    import tensorflow as tf
    import tf_keras

    projections = []
    for index, (hint, own, wanted) in enumerate(zip(hints, learned, taught, strict=True)):
        if tuple(own.shape[1:-1]) != tuple(wanted.shape[1:-1]) or None in (own.shape[-1], wanted.shape[-1]):
            sizes = f"{_spelt([tuple(own.shape[1:])])}, and of '{hint.teacher}' {_spelt([tuple(wanted.shape[1:])])}"
            remedy = "pair layers whose outputs differ in their last dimension alone"
            raise StepError(f"the output of '{hint.student}' is {sizes}", remedy)
        start = tf_keras.initializers.GlorotUniform(seed=seed + index)
        projections.append(tf.Variable(start((own.shape[-1], wanted.shape[-1])), name=f"projection_{index}"))
    return projections
