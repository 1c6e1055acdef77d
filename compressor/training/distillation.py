"""What a teacher adds to a training: a loss against its softened outputs, and hints from its layers.

Both are computed in the train step's own graph, on the very batch that the student sees. The teacher runs as in use,
without dropout, and is no part of the student, of its file or of its checkpoints. Validation knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from compressor.base.errors import StepError
from compressor.base.import_path import names_function
from compressor.base.types import EndsIn
from compressor.models.files.ends import model_endings
from compressor.models.litert.endpoint_names import input_names, output_names
from compressor.recipe.loss_names import full_name
from compressor.recipe.training_params import Hint, Teacher, TrainingParams
from compressor.training.losses import named_losses

_CLASSES = (
    "categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge", "kl_divergence",
    "sparse_categorical_crossentropy",
)  # fmt: skip
_BINARY = ("binary_crossentropy", "binary_focal_crossentropy", "hinge", "squared_hinge")
_SMALLEST = 1e-30  # probability whose logarithm is taken; a float32 holds it

_Kind: TypeAlias = Literal["one class", "yes or no", "number"]


@dataclass(frozen=True)
class _Output:
    """How one output of the student is held against the teacher's."""

    kind: _Kind
    student: EndsIn
    teacher: EndsIn
    weight: float


class Lessons:
    """A student's training with a teacher.

    `variables` are the projections of hints, which are trained with the student and dropped after it.
    """

    def __init__(self, student: Any, teacher: Any, params: TrainingParams, told: Teacher, seed: int) -> None:
        """Prepare a training.

        Args:
            student: a compiled tf_keras model with named layers.
            teacher: a tf_keras model with the same inputs and outputs.
            params: how the student is trained.
            told: how much, and of what, the teacher tells.
            seed: of the projections' first values.

        Raises:
            StepError: the two do not go together, or a hint names a layer that is not there.
        """
        import tf_keras

        self._student = student
        self._teacher_inputs = _matched_inputs(student, teacher)
        self._outputs = _outputs(student, teacher, params)
        self._temperature, self._soft_share = told.temperature, told.soft_share
        self._hint_weight = told.hint_weight
        taught = [_tapped(teacher, hint.teacher, "teacher") for hint in told.hints]
        learned = [_tapped(student, hint.student, "student") for hint in told.hints]
        self._teacher_taps = tf_keras.Model(teacher.inputs, [*teacher.outputs, *taught])
        self._student_taps = tf_keras.Model(student.inputs, [*student.outputs, *learned])
        self.variables = _projections(told.hints, learned, taught, seed)

    @contextmanager
    def given(self) -> Iterator[None]:
        """While it lasts, the student's `fit` trains with the teacher."""
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
            learned = tf.nest.flatten(self._student_taps(inputs, training=True))
            outputs = tf.nest.pack_sequence_as(student.output, learned[:count])
            hard = student.compute_loss(inputs, labels, outputs, weights)
            soft = self._soft_loss(learned[:count], taught[:count])
            if student.losses:  # regularization is part of the hard loss, and no less needed
                soft += tf.add_n(student.losses)
            loss = (1 - self._soft_share) * hard + self._soft_share * soft
            if self.variables:
                loss += self._hint_weight * self._hint_loss(learned[count:], taught[count:])
        student.optimizer.minimize(loss, [*student.trainable_variables, *self.variables], tape=tape)
        return student.compute_metrics(inputs, labels, outputs, weights)

    def _soft_loss(self, learned: Sequence[Any], taught: Sequence[Any]) -> Any:
        import tensorflow as tf

        return tf.add_n(
            [
                own.weight * _apart(own, ours, theirs, self._temperature)
                for own, ours, theirs in zip(self._outputs, learned, taught, strict=True)
            ]
        )

    def _hint_loss(self, learned: Sequence[Any], taught: Sequence[Any]) -> Any:
        import tensorflow as tf

        projected = [tf.tensordot(ours, kernel, 1) for kernel, ours in zip(self.variables, learned, strict=True)]
        return tf.add_n([tf.reduce_mean((ours - theirs) ** 2) for ours, theirs in zip(projected, taught, strict=True)])


def _apart(output: _Output, learned: Any, taught: Any, temperature: float) -> Any:
    """How far the student's output is from the teacher's, on the mean of a batch.

    Cross-entropies are taken at the temperature and times its square, so that their gradients are as large as those of
    the labels' loss; less the teacher's own entropy, they are 0 where the two agree.
    """
    import tensorflow as tf

    if output.kind == "number":
        return tf.reduce_mean((learned - taught) ** 2)
    ours = _logits(learned, output.student, output.kind) / temperature
    theirs = _logits(taught, output.teacher, output.kind) / temperature
    if output.kind == "one class":
        gap = tf.nn.softmax(theirs) * (tf.nn.log_softmax(theirs) - tf.nn.log_softmax(ours))
        return temperature**2 * tf.reduce_mean(tf.reduce_sum(gap, -1))
    wanted = tf.sigmoid(theirs)
    cross = tf.nn.sigmoid_cross_entropy_with_logits
    return temperature**2 * tf.reduce_mean(cross(wanted, ours) - cross(wanted, theirs))


def _logits(values: Any, ends_in: EndsIn, kind: _Kind) -> Any:
    """Logits, but for a number that a softmax does not see."""
    import tensorflow as tf

    if ends_in == "linear":
        return values
    logarithm = tf.math.log(tf.maximum(values, _SMALLEST))
    return logarithm if kind == "one class" else logarithm - tf.math.log(tf.maximum(1 - values, 1e-7))


def _outputs(student: Any, teacher: Any, params: TrainingParams) -> list[_Output]:
    """How each output of the student that has a loss is compared; the others count nothing."""
    losses = named_losses(student, params.loss)
    endings, theirs = model_endings(student), list(model_endings(teacher).values())
    return [
        _Output(
            _kind(losses.get(name, ""), endings[name]),
            endings[name],
            theirs[index],
            params.loss_weights.get(name, 1.0) if name in losses else 0.0,
        )
        for index, name in enumerate(output_names(student))
    ]


def _kind(loss: str, ends_in: EndsIn) -> _Kind:
    if names_function(loss):
        kinds: Mapping[EndsIn, _Kind] = {"softmax": "one class", "sigmoid": "yes or no", "linear": "number"}
        return kinds[ends_in]
    return "one class" if full_name(loss) in _CLASSES else "yes or no" if full_name(loss) in _BINARY else "number"


def _matched_inputs(student: Any, teacher: Any) -> Callable[[Any], Any]:
    """What brings the student's inputs into the teacher's order, if their inputs and outputs are of the same shapes."""
    ours, theirs = input_names(student), input_names(teacher)
    order = [ours.index(name) for name in theirs] if set(ours) == set(theirs) else list(range(len(ours)))
    shapes = [tuple(student.inputs[index].shape[1:]) for index in order]
    _refuse_other_shapes("takes", shapes, [tuple(one.shape[1:]) for one in teacher.inputs], "for the same data")
    own, their = ([tuple(one.shape[1:]) for one in model.outputs] for model in (student, teacher))
    _refuse_other_shapes("gives", own, their, "with the same outputs")

    def ordered(inputs: Any) -> Any:
        if len(order) == 1:
            return inputs
        listed = [inputs[name] for name in ours] if isinstance(inputs, Mapping) else list(inputs)
        return [listed[index] for index in order]

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
    """The output of a layer, which goes by its own name within tfmot's wrappers too."""
    layers = {getattr(getattr(layer, "layer", layer), "name", layer.name): layer for layer in model.layers}
    layers |= {layer.name: layer for layer in model.layers}
    if name not in layers:
        raise StepError(f"a hint names the {who}'s layer '{name}'", f"name one of {', '.join(layers)}")
    try:
        return layers[name].output
    except AttributeError:
        raise StepError(f"the {who}'s layer '{name}' is used more than once", "give a hint of another layer") from None


def _projections(hints: Sequence[Hint], learned: Sequence[Any], taught: Sequence[Any], seed: int) -> list[Any]:
    """A matrix for each hint, from the student's channels to the teacher's, shape (ours, theirs)."""
    import tensorflow as tf
    import tf_keras

    found = []
    for index, (hint, ours, theirs) in enumerate(zip(hints, learned, taught, strict=True)):
        if tuple(ours.shape[1:-1]) != tuple(theirs.shape[1:-1]) or None in (ours.shape[-1], theirs.shape[-1]):
            sizes = f"{_spelt([tuple(ours.shape[1:])])}, and of '{hint.teacher}' {_spelt([tuple(theirs.shape[1:])])}"
            remedy = "pair layers whose outputs differ in their last dimension alone"
            raise StepError(f"the output of '{hint.student}' is {sizes}", remedy)
        start = tf_keras.initializers.GlorotUniform(seed=seed + index)
        found.append(tf.Variable(start((ours.shape[-1], theirs.shape[-1])), name=f"projection_{index}"))
    return found
