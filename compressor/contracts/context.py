"""The context that a step is given: training, calibration data, validation scores, and notes for the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from compressor.base.types import Arrays, Model
from compressor.contracts.model_state import ModelState
from compressor.recipe.training_params import TrainingParams

if TYPE_CHECKING:
    from compressor.data.split import Split

CALIBRATION_SAMPLES = 300
"""Training samples that ranges of activations are measured on, unless a step is told another number."""


class Trainer(Protocol):
    """Trains and scores models for a step. Runs use the one in `compressor.training.trainer`."""

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher value of the first metric is better."""

    def epochs(self, params: TrainingParams) -> int:
        """The number of epochs, unless early stopping ends the training before."""

    def steps_per_epoch(self, params: TrainingParams) -> int:
        """The number of optimizer steps in an epoch."""

    def fit(self, model: Model, params: TrainingParams, callbacks: Sequence[Any], settled_after: int) -> None:
        """Compile and train a model in place."""

    def validation_score(self, content: bytes) -> float:
        """The first metric of a `.tflite` file on the validation split."""


class StepContext:
    """Training, calibration data, scores and notes for a step. It has no test split: nothing can be tuned on it."""

    def __init__(
        self, *, state: ModelState, train: Split, trainer: Trainer, seed: int, converted: bytes | None = None
    ) -> None:
        self.state = state
        self.seed = seed
        self.notes: list[str] = []
        self.left_alone: dict[str, str] = {}
        self._train = train
        self._trainer = trainer
        self._converted = converted

    def training_steps(self, training: TrainingParams) -> int:
        """The number of optimizer steps `fit` will take, unless early stopping ends it before."""
        return self._trainer.steps_per_epoch(training) * self._trainer.epochs(training)

    def steps_per_epoch(self, training: TrainingParams) -> int:
        """The number of optimizer steps `fit` takes in an epoch."""
        return self._trainer.steps_per_epoch(training)

    def fit(self, model: Model, params: TrainingParams, callbacks: Sequence[Any] = (), settled_after: int = 0) -> None:
        """Train a Keras model in place on the training split, with progress shown.

        Args:
            model: a tf_keras model, which gets compiled here.
            params: how to train it.
            callbacks: further Keras callbacks. `before_step()` and `after_step()` of one are called once, and what they
                make of TensorFlow's operations becomes part of every step. `steps_until_call()` returns how many steps
                may be made until its `on_train_batch_end` must be called; without it, that is after every step.
            settled_after: epochs before early stopping may end the training, for instance while sparsity still rises.
        """
        self._trainer.fit(model, params, callbacks, settled_after)

    def kept_structure(self, model: Model) -> list[Any]:
        """The Keras callbacks for `fit` that keep the zeros and clusters that earlier steps made in a model.

        After every optimizer step each kernel becomes the nearest one of the structure that it has now: zeros stay
        zero, and weights that are equal stay equal. Empty if the state of the model has neither trait.
        """
        from compressor.contracts.kept_structure import kept

        return kept(model, self.state)

    def calibration(self, samples: int) -> Iterator[Arrays]:
        """Yield training inputs one at a time, shape (1, ...), for a quantizer to see the range of activations.

        A model with several inputs gets mappings by input name. The samples are drawn at random, by the seed, since
        stored samples may be sorted by class.
        """
        for features, _ in self._train.sample(samples, self.seed).batches(1):
            yield features

    def converted(self, samples: int) -> bytes | None:
        """The `.tflite` file that the step's model was measured as, if it was trained with fake quantization.

        It has floats at both ends. None if it was not measured, if its conversion did less than asked, or if its
        calibration took another number of samples.
        """
        return self._converted if samples == CALIBRATION_SAMPLES else None

    def validation_score(self, content: bytes) -> float:
        """Score a `.tflite` file by the first metric on the validation split, for a strategy that has to search.

        Only a strategy whose `scores` is True may call this. Nothing scores on the test split.
        """
        return self._trainer.validation_score(content)

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher value of the first metric is better."""
        return self._trainer.higher_is_better

    def note(self, text: str) -> None:
        """Add a note to the report: the step did less than asked, or did it in another way."""
        self.notes.append(str(text))  # a plugin may give anything, and JSON must take it

    def leave_alone(self, layer: str, reason: str) -> None:
        """Report a layer that could have been compressed but was not, with the reason."""
        self.left_alone[str(layer)] = str(reason)
