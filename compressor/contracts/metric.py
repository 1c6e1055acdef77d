"""The base class of every metric, and the batch of samples a metric is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from compressor.base.params import Params as AnyParams
from compressor.base.types import Arrays, EndsIn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """Test samples as a metric gets them: one output of the model, the labels for it, and the model's inputs.

    `outputs` has shape (n, ...), and the first dimension of labels and inputs is the same n. `ends_in` is the last
    operator of the output in the file: `softmax` and `sigmoid` give probabilities, `linear` gives logits or numbers.
    """

    outputs: NDArray[np.float32]
    labels: NDArray[Any]
    inputs: Arrays
    ends_in: EndsIn = "linear"


class Metric(ABC):
    """Scores a model's outputs on a set of samples.

    `per_sample` gives each sample a row of figures, and `score` turns the means of the rows into the score: the mean
    itself for accuracy, its root for the root mean squared error. A metric that is no function of means, such as the
    area under a curve, overrides `combine`. From the rows, the tool gets confidence intervals and tests of changes by
    resampling, for every metric alike.

    Set `share` to True for a share from 0 to 1, which is shown in percent. `keras_name` is the nearest Keras metric,
    shown while training; `takes` says in a few words which outputs and labels the metric scores. Set `data_labels` to
    True to get the data's own labels where the recipe makes the inputs the targets (an autoencoder).
    """

    name: ClassVar[str]
    higher_is_better: bool = True
    share: bool = False
    keras_name: ClassVar[str | None] = None
    data_labels: ClassVar[bool] = False
    takes: ClassVar[str] = ""
    Params: type[AnyParams] = AnyParams

    def __init__(self, params: AnyParams | None = None) -> None:
        self.params: Any = self.Params() if params is None else params

    @abstractmethod
    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """A figure for each of n samples, shape (n,), or a row of them, shape (n, ...).

        Raises:
            ValueError: the metric cannot score these outputs and labels; the text says what it takes.
        """

    def score(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn the means of the rows into scores, for many sets of samples at once: (sets, ...) to (sets,)."""
        return means

    def combine(self, rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores of many sets of samples, shape (sets,).

        Args:
            rows: of all samples, shape (n, ...).
            weights: how often each sample counts in each set, shape (sets, n).
        """
        flat = rows.reshape(len(rows), -1).astype("float64", copy=False)
        means = weights @ flat / weights.sum(axis=1, keepdims=True)
        return self.score(means.reshape(len(weights), *rows.shape[1:]))

    @property
    def label(self) -> str:
        """The name in a report."""
        return self.name

    @property
    def is_mean(self) -> bool:
        """Whether the score is the plain mean of one figure per sample."""
        return type(self).combine is Metric.combine and type(self).score is Metric.score
