"""Converts Keras 3 files to tf_keras models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor.base.errors import ModelError
from compressor.models.declared_sizes import refuse_huge_outputs
from compressor.models.keras3.rebuild import rebuild
from compressor.models.keras3.refusal import reason_of
from compressor.models.keras3.stored_file import read_stored
from compressor.models.keras3.verify import verify_against
from compressor.models.keras3.weights import copy_weights
from compressor.models.library_errors import LOADING_ERRORS


@dataclass(frozen=True)
class Bridged:
    """A tf_keras model from a Keras 3 file.

    `difference` is the largest difference between its outputs and Keras 3's on random inputs, relative to the largest
    output where that is above 1. It is None where nothing was compared; `notes` then say why.
    """

    model: Any
    difference: float | None
    notes: tuple[str, ...] = ()


def from_keras3(path: Path, custom_objects: Mapping[str, Any] | None = None, verify: bool = True) -> Any:
    """The tf_keras model, uncompiled, that computes the same as a Keras 3 file.

    Args:
        path: a `.keras` or `.h5` file that Keras 3 wrote.
        custom_objects: tf_keras classes for the file's custom layers, by their names in the file.
        verify: compare the outputs with those of Keras 3, which runs in a child process for some seconds.

    Raises:
        ModelError: the file is damaged or holds something that Keras 2 lacks, or the outputs differ.
    """
    return bridge(path, custom_objects, verify).model


def bridge(path: Path, custom_objects: Mapping[str, Any] | None = None, verify: bool = True) -> Bridged:
    """The same as `from_keras3`, with the difference that was measured, or the reason why none was."""
    import tensorflow as tf
    import tf_keras

    custom = dict(custom_objects or {})
    try:
        stored = read_stored(path)
        with tf_keras.utils.custom_object_scope(custom):
            part = rebuild(stored.config, custom)
        refuse_huge_outputs(part.layer, "it")
        copy_weights(part, stored)
        met_custom = sorted({leaf.kind for leaf in part.leaves()} & {name.rpartition(">")[2] for name in custom})
        if met_custom:  # the child process knows only Keras's own classes
            return Bridged(
                part.layer, None, (f"not compared with Keras 3, which does not know {', '.join(met_custom)}",)
            )
        if not verify:
            return Bridged(part.layer, None, ("not compared with Keras 3, as asked",))
        return Bridged(part.layer, verify_against(part.layer, path))
    except ModelError as error:
        raise ModelError(f"{path}: {error.what}", error.remedy) from error
    except (*LOADING_ERRORS, tf.errors.OpError) as error:
        what = f"{path} cannot be built in Keras 2 ({reason_of(error)})"
        raise ModelError(what, "check what it says of its layers, and save it again") from error
