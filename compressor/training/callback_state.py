"""The state of a strategy's Keras callbacks, saved with a training so that one that goes on from it has it again.

A callback has a state if it has `get_state()` and `set_state(state)`; one without a state says `stateless = True`.
Callbacks that come with Keras need neither, where it is known what they keep.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import StepError

_KEPT_BY_KERAS: Mapping[str, tuple[str, ...]] = {
    "EarlyStopping": ("wait", "stopped_epoch", "best", "best_weights", "best_epoch"),
    "ReduceLROnPlateau": ("wait", "cooldown_counter", "best"),
    "History": ("epoch", "history"),
    "LearningRateScheduler": (),
    "TerminateOnNaN": (),
}
"""What callbacks of Keras keep from one epoch to the next, by class. The learning rate is part of the optimizer."""

_ARRAY = "array"  # the key of a mapping that stands for an array


def without_state(callbacks: Sequence[Any]) -> list[str]:
    """The classes of the callbacks of which nobody knows what they keep; a training with one cannot be resumed."""
    return [type(callback).__name__ for callback in callbacks if not _is_known(callback)]


def refuse_foreign(callbacks: Sequence[Any]) -> None:
    """Refuse what is no callback of tf_keras, such as one of `tf.keras`, which is Keras 3.

    Raises:
        StepError: one of them is not.
    """
    import tf_keras

    for callback in callbacks:
        if not isinstance(callback, tf_keras.callbacks.Callback):
            what = f"the callback {type(callback).__name__} is not one of tf_keras"
            raise StepError(what, "derive it from tf_keras.callbacks.Callback; tf.keras is Keras 3")


def states_of(callbacks: Sequence[Any]) -> list[Any]:
    """The state of each callback, None where it has none.

    Raises:
        StepError: a state holds something that cannot be saved.
    """
    states = []
    for callback in callbacks:
        state = _state_of(callback)
        if (odd := _unsaveable(state)) is not None:
            remedy = "make its state of None, numbers, text, NumPy arrays, lists, and mappings with text as keys"
            raise StepError(f"the callback {type(callback).__name__} returned {odd} from 'get_state'", remedy)
        states.append(state)
    return states


def restore(callbacks: Sequence[Any], states: Sequence[Any]) -> None:
    """Give each callback the state that it had."""
    for callback, state in zip(callbacks, states, strict=True):
        if _has_protocol(callback):
            callback.set_state(state)
        elif state is not None:
            vars(callback).update(state)


def random_state() -> list[Any]:
    """The state of the global random numbers of Python and NumPy, from which a callback may draw."""
    _, words, following = random.getstate()
    name, keys, position, has_gauss, gauss = np.random.get_state()
    return [[np.array(words, np.uint64), following], [name, keys, position, has_gauss, gauss]]


def restore_random_state(state: Sequence[Any]) -> None:
    """Give the global random numbers of Python and NumPy the state that they had."""
    (words, following), (name, keys, position, has_gauss, gauss) = state
    random.setstate((3, tuple(map(int, words)), following))
    np.random.set_state((name, keys, position, has_gauss, gauss))


def as_json(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """The value with a number in place of each array, which is added to `arrays`."""
    if isinstance(value, np.ndarray | np.generic):
        arrays.append(np.asarray(value))
        return {_ARRAY: len(arrays) - 1}
    if isinstance(value, Mapping):
        return {"entries": {key: as_json(entry, arrays) for key, entry in value.items()}}
    if isinstance(value, list | tuple):
        return [as_json(entry, arrays) for entry in value]
    return value


def from_json(value: Any, arrays: Sequence[NDArray[Any]]) -> Any:
    """The value that `as_json` took; a tuple comes back as a list."""
    if isinstance(value, Mapping) and _ARRAY in value:
        return arrays[value[_ARRAY]][()]  # of an array without dimensions, its number
    if isinstance(value, Mapping):
        return {key: from_json(entry, arrays) for key, entry in value["entries"].items()}
    if isinstance(value, list):
        return [from_json(entry, arrays) for entry in value]
    return value


def _state_of(callback: Any) -> Any:
    if _has_protocol(callback):
        return callback.get_state()
    kept = _kept_by_keras(callback)
    return {name: getattr(callback, name) for name in kept if hasattr(callback, name)} if kept else None


def _is_known(callback: Any) -> bool:
    declared = getattr(callback, "stateless", False) is True
    return declared or _has_protocol(callback) or _kept_by_keras(callback) is not None


def _has_protocol(callback: Any) -> bool:
    return callable(getattr(callback, "get_state", None)) and callable(getattr(callback, "set_state", None))


def _kept_by_keras(callback: Any) -> tuple[str, ...] | None:
    """What a callback of Keras' own keeps; None for any other class, also one that is derived from it."""
    cls = type(callback)
    return _KEPT_BY_KERAS.get(cls.__name__) if cls.__module__.startswith("tf_keras.") else None


def _unsaveable(value: Any) -> str | None:
    """What in a state cannot be saved; None if all of it can."""
    if value is None or isinstance(value, str | bool | int | float):
        return None
    if isinstance(value, np.ndarray | np.generic):
        return "an array of objects" if value.dtype.hasobject else None
    if isinstance(value, list | tuple):
        return next(filter(None, map(_unsaveable, value)), None)
    if isinstance(value, Mapping):
        odd = next((f"the key {key!r}" for key in value if not isinstance(key, str)), None)
        return odd or next(filter(None, map(_unsaveable, value.values())), None)
    return type(value).__name__
