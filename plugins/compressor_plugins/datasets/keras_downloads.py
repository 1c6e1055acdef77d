"""Data sets that Keras downloads and keeps in its own cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compressor import DataError
from compressor.data import ArraySplit, Splits


def from_keras(load: Callable[[], Any], elsewhere: str = "") -> Splits:
    """The splits that one of Keras' loaders returns, stored as bytes and scaled to 0..1 when they are read.

    `elsewhere` is added to the remedy of the error: another place to get the data from.

    Raises:
        DataError: the data is not in Keras' cache, and cannot be downloaded.
    """
    import tf_keras

    prints = tf_keras.utils.is_interactive_logging_enabled()
    tf_keras.utils.disable_interactive_logging()  # standard output belongs to the tool
    try:
        (x_train, y_train), (x_test, y_test) = load()
    # tf_keras raises a bare Exception when a download fails
    except Exception as error:
        if type(error) is not Exception and not isinstance(error, OSError):
            raise
        reason = " ".join(str(error).split())[:160]
        remedy = f"connect to the network once, or put the files into ~/.keras/datasets{elsewhere}"
        raise DataError(f"it cannot be downloaded ({reason})", remedy) from None
    finally:
        if prints:
            tf_keras.utils.enable_interactive_logging()
    scale = 1 / 255
    return Splits(ArraySplit(x_train, y_train.reshape(-1), scale), ArraySplit(x_test, y_test.reshape(-1), scale))
