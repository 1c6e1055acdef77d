"""Types used throughout: a model, arrays of samples, the activation of an output, and the format of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


Model: TypeAlias = Any  # a tf_keras.Model, or the bytes of a .tflite file or of a package, as its ModelState says
# the samples of one input or output, or of several by name
Arrays: TypeAlias = Union["NDArray[np.float32]", "Mapping[str, NDArray[np.float32]]"]
EndsIn: TypeAlias = Literal["softmax", "sigmoid", "linear"]
Format: TypeAlias = Literal["keras", "litert", "package"]
