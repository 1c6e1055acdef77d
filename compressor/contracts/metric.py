"""The contract of a metric, and the samples that it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from compressor.base import params
from compressor.base.types import Arrays, EndsIn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
