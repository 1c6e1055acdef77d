"""The contracts of a plugin: what a strategy, a data set, a model and a metric must be.

A strategy is given a model and returns a model. It never picks a path, prints, caches, measures or evaluates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from compressor import params
from compressor.params import TrainingParams
from compressor.state import ModelState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from compressor.data import Split, Splits
    from compressor.training import Trainer

Model: TypeAlias = Any  # a tf_keras.Model, or the bytes of a .tflite file, as the step's ModelState says


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

    def calibration(self, samples: int) -> Iterator[NDArray[np.float32]]:
        """Training inputs one at a time, shape (1, ...), for a quantizer to see the range of activations.

        They are drawn by the seed, since stored samples may be sorted by class.
        """
        for features, _ in self._train.sample(samples, self.seed).batches(1):
            yield features

    def note(self, text: str) -> None:
        """Say something that belongs into the report: less was done than asked, or in another way."""
        self.notes.append(text)

    def leave_alone(self, layer: str, reason: str) -> None:
        """Say that a layer which might have been compressed was not, and why."""
        self.left_alone[layer] = reason


class Strategy(ABC):
    """A way to compress. The class docstring's first line describes it; the rest names the paper."""

    name: ClassVar[str]
    Params: type[params.Params] = params.Params

    def __init__(self, given: params.Params) -> None:
        self.params: Any = given

    @abstractmethod
    def plan(self, state: ModelState) -> ModelState:
        """What the model is after this step.

        Raises:
            Refusal: the step cannot work on a model in this state.
        """

    @abstractmethod
    def apply(self, model: Model, context: StepContext) -> Model:
        """The compressed model. The one given is not used again, and may be changed.

        Raises:
            StepError: it cannot be done, or was not reached.
        """

    def custom_objects(self) -> Mapping[str, Any]:
        """What Keras must know by name to load the model that this step leaves."""
        return {}


class Dataset(ABC):
    """A data set with a training and a test split.

    `repeatable` tells whether name, parameters and code alone decide what it brings, so that the cache may know it by
    them.
    """

    name: ClassVar[str]
    repeatable: ClassVar[bool] = True
    Params: type[params.Params] = params.Params

    def __init__(self, given: params.Params) -> None:
        self.params: Any = given

    @abstractmethod
    def load(self) -> Splits:
        """The data.

        Raises:
            DataError: it cannot be had.
        """


class ModelSource(ABC):
    """A model by name; it comes untrained unless `trained` says otherwise. `repeatable` is as for a data set."""

    name: ClassVar[str]
    repeatable: ClassVar[bool] = True
    trained: ClassVar[bool] = False
    Params: type[params.Params] = params.Params

    def __init__(self, given: params.Params) -> None:
        self.params: Any = given

    @abstractmethod
    def build(self) -> Model:
        """A new tf_keras model."""


class Metric(ABC):
    """A score of a model's outputs, as the mean of a score for each sample.

    `share` tells a share from 0 to 1, shown in percent; `keras_name` is the Keras metric that comes nearest, shown
    while training.
    """

    name: ClassVar[str]
    higher_is_better: ClassVar[bool] = True
    share: ClassVar[bool] = False
    keras_name: ClassVar[str | None] = None

    @abstractmethod
    def per_sample(self, outputs: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float64]:
        """A score for each of n samples, shape (n,), from outputs of shape (n, ...) and labels of shape (n, ...)."""
