"""The contracts of a plugin: what a strategy, a data set, a model and a metric must be.

A strategy is given a model and returns a model. It never picks a path, prints, caches, measures or evaluates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, Union

from compressor.base import params
from compressor.base.params import TrainingParams
from compressor.contracts.state import ModelState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from compressor.data.split import Split, Splits
    from compressor.training.trainer import Trainer

Model: TypeAlias = Any  # a tf_keras.Model, or the bytes of a .tflite file or of a package, as its ModelState says
Arrays: TypeAlias = Union["NDArray[np.float32]", "Mapping[str, NDArray[np.float32]]"]  # of one end, or by name
EndsIn: TypeAlias = Literal["softmax", "sigmoid", "linear"]


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


class Strategy(ABC):
    """A way to compress. The class docstring's first line describes it; the rest names the paper.

    `scores` tells that it asks for scores on the validation split, so that its result depends on the first metric,
    `makes_layers` that later steps may find layers of names that the model did not have before.
    """

    name: ClassVar[str]
    scores: ClassVar[bool] = False
    makes_layers: ClassVar[bool] = False
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


@dataclass(frozen=True)
class Batch:
    """Some test samples as a metric sees them: one output of the model, the labels for it, and all that went in.

    `outputs` has shape (n, ...); labels and inputs begin with the same n. `ends_in` is the last operator of the output,
    read from the file: `softmax` and `sigmoid` give probabilities, `linear` gives logits where classes are told apart.
    """

    outputs: NDArray[np.float32]
    labels: NDArray[Any]
    inputs: Arrays
    ends_in: EndsIn = "linear"


class Metric(ABC):
    """A score of a model's outputs on any set of samples.

    Each sample gets a row of figures, and the score is made of the rows' means: their mean itself for accuracy, its
    root for an error of squares. One that is no function of means, such as the area under a curve, says how it
    combines rows. So an interval and the noise of a change can be had for every metric by drawing samples again.

    `share` tells a share from 0 to 1, shown in percent; `keras_name` is the Keras metric that comes nearest, shown
    while training; `takes` says in a few words which outputs and labels it judges. `data_labels` asks for the labels
    that the data has where the recipe makes the inputs the model's targets.
    """

    name: ClassVar[str]
    higher_is_better: bool = True
    share: bool = False
    keras_name: ClassVar[str | None] = None
    data_labels: ClassVar[bool] = False
    takes: ClassVar[str] = ""
    Params: type[params.Params] = params.Params

    def __init__(self, given: params.Params | None = None) -> None:
        self.params: Any = self.Params() if given is None else given

    @abstractmethod
    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """A figure for each of n samples, shape (n,), or a row of them, shape (n, ...).

        Raises:
            ValueError: outputs and labels are not what it judges; the text says what is.
        """

    def score(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The score from the means of the rows. Given those of many sets at once, shape (sets, ...): shape (sets,)."""
        return means

    def combine(self, rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The scores of many sets of samples, shape (sets,).

        Args:
            rows: of all samples, shape (n, ...).
            weights: how often each sample counts in each set, shape (sets, n).
        """
        flat = rows.reshape(len(rows), -1).astype("float64", copy=False)
        means = weights @ flat / weights.sum(axis=1, keepdims=True)
        return self.score(means.reshape(len(weights), *rows.shape[1:]))

    @property
    def label(self) -> str:
        """What to call it in a report."""
        return self.name

    @property
    def is_mean(self) -> bool:
        """Whether the score is the plain mean of one figure a sample."""
        return type(self).combine is Metric.combine and type(self).score is Metric.score
