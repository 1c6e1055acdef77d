"""What a step may use besides its model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from compressor.base.types import Arrays, Model
from compressor.contracts.state import ModelState
from compressor.recipe.training_params import TrainingParams

if TYPE_CHECKING:
    from compressor.data.split import Split


class Trainer(Protocol):
    """What trains and scores models for a step; `compressor.training.trainer` has the one that runs use."""

    @property
    def higher_is_better(self) -> bool:
        """Whether more of the first metric is better."""

    def epochs(self, params: TrainingParams) -> int:
        """How many epochs a training makes, at the most."""

    def steps_per_epoch(self, params: TrainingParams) -> int:
        """How many optimizer steps an epoch has."""

    def fit(self, model: Model, params: TrainingParams, callbacks: Sequence[Any], settled_after: int) -> None:
        """Compile and train a model in place."""

    def validation_score(self, content: bytes) -> float:
        """The first metric of a `.tflite` file on the validation split."""


class StepContext:
    """What a step may use besides its model. It has no test split: nothing can be tuned on it by accident."""

    def __init__(self, *, state: ModelState, train: Split, trainer: Trainer, seed: int) -> None:
        self.state = state
        self.seed = seed
        self.notes: list[str] = []
        self.left_alone: dict[str, str] = {}
        self._train = train
        self._trainer = trainer

    def training_steps(self, training: TrainingParams) -> int:
        """How many optimizer steps `fit` will make, at the most."""
        return self._trainer.steps_per_epoch(training) * self._trainer.epochs(training)

    def steps_per_epoch(self, training: TrainingParams) -> int:
        """How many optimizer steps `fit` makes in an epoch."""
        return self._trainer.steps_per_epoch(training)

    def fit(self, model: Model, params: TrainingParams, callbacks: Sequence[Any] = (), settled_after: int = 0) -> None:
        """Train a Keras model in place on the training split, with progress shown.

        Args:
            model: a tf_keras model, which gets compiled here.
            params: how to train it.
            callbacks: further Keras callbacks.
            settled_after: epochs before early stopping may judge the model, such as while sparsity still rises.
        """
        self._trainer.fit(model, params, callbacks, settled_after)

    def calibration(self, samples: int) -> Iterator[Arrays]:
        """Training inputs one at a time, shape (1, ...), for a quantizer to see the range of activations.

        Those of a model with several inputs come as a mapping by the inputs' names.

        They are drawn by the seed, since stored samples may be sorted by class.
        """
        for features, _ in self._train.sample(samples, self.seed).batches(1):
            yield features

    def validation_score(self, content: bytes) -> float:
        """The first metric of a `.tflite` file on the validation split, for a strategy that has to search.

        The strategy must say so by `scores`. There is no such thing for the test split.
        """
        return self._trainer.validation_score(content)

    @property
    def higher_is_better(self) -> bool:
        """Whether more of the first metric is better."""
        return self._trainer.higher_is_better

    def note(self, text: str) -> None:
        """Say something that belongs into the report: less was done than asked, or in another way."""
        self.notes.append(str(text))  # a plugin may give anything, and JSON must take it

    def leave_alone(self, layer: str, reason: str) -> None:
        """Say that a layer which might have been compressed was not, and why."""
        self.left_alone[str(layer)] = str(reason)
