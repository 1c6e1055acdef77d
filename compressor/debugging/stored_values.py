"""Runs files on values as they are stored, without any conversion at inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.models.library_errors import INTERPRETER_ERRORS
from compressor.models.litert.running.interpreter import open_interpreter


class StoredValuesFile:
    """A file whose inputs and outputs go by their places. Inputs keep their values from one call to the next."""

    def __init__(self, content: bytes, threads: int) -> None:
        """Open a file.

        Raises:
            ModelError: the interpreter refuses it.
        """
        try:
            self._interpreter = open_interpreter(content, threads)
        except INTERPRETER_ERRORS as error:
            raise _cannot(error) from None
        self._inputs = [details["index"] for details in self._interpreter.get_input_details()]
        self._outputs = [details["index"] for details in self._interpreter.get_output_details()]
        self._shapes: list[tuple[int, ...]] = []

    def fill(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Give all inputs their values, and their shapes.

        Raises:
            ModelError: the file cannot take them.
        """
        try:
            if self._shapes != (shapes := [array.shape for array in arrays]):
                for index, shape in zip(self._inputs, shapes, strict=True):
                    self._interpreter.resize_tensor_input(index, shape)
                self._interpreter.allocate_tensors()
                self._shapes = shapes
            for place, array in enumerate(arrays):
                self.put(place, array)
        except INTERPRETER_ERRORS as error:
            raise _cannot(error) from None

    def put(self, place: int, array: NDArray[Any]) -> None:
        """Give one input its values, of the shape that it has."""
        self._interpreter.set_tensor(self._inputs[place], array)

    def run(self) -> list[NDArray[Any]]:
        """All outputs.

        Raises:
            ModelError: the file cannot be run.
        """
        try:
            self._interpreter.reset_all_variables()
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index) for index in self._outputs]
        except INTERPRETER_ERRORS as error:
            raise _cannot(error) from None


def _cannot(error: Exception) -> ModelError:
    return ModelError(f"LiteRT cannot run the file operator by operator ({error})", "check its operators")
