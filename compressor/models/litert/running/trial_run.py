"""Runs a `.tflite` file on samples in a child process, so that a crash in native code ends only that.

The child imports LiteRT alone, not TensorFlow, which takes a fraction of a second.
"""

from __future__ import annotations

import json
import re
import tempfile
from bisect import bisect_left
from pathlib import Path
from typing import Any

import numpy as np

from compressor.base.atomic_files import naming, write_named
from compressor.base.errors import StepError
from compressor.base.named_arrays import arrays_in, names_in
from compressor.base.types import Arrays
from compressor.models.litert.format.flatbuffer import operator_of, read_model, write_model
from compressor.models.litert.format.operators import operator_name
from compressor.models.litert.running.child_run import fault_of

_NODE = re.compile(r"\s*Node number (\d+) \(\w+\) failed to (?:invoke|prepare)\.?")


def refuse_failing(content: bytes, samples: Arrays, subject: str) -> None:
    """Run a file on samples, and refuse it if it fails on one.

    Args:
        content: the file.
        samples: inputs, of shape (n, ...), by name where the file has several.
        subject: the model and who made it, as the start of a message.

    Raises:
        StepError: LiteRT reports an error, crashes or does not end; the message names the operator at fault.
        OSError: the temporary folder cannot be written or read.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_named(folder / "names.json", json.dumps(names_in(samples)))
        with naming(folder / "samples.npz"):
            np.savez(folder / "samples.npz", *arrays_in(samples))
        reason = _failure(content, folder)
        if reason is None:
            return
        graph = read_model(content).subgraphs[0]
        node = _NODE.search(reason)
        place = int(node[1]) if node and int(node[1]) < len(graph.operators) else _failing_place(content, folder)
        at = f" at {_named(content, place)}" if place < len(graph.operators) else ""
    what = f"{subject}: the file fails on samples of the data{at} ({_NODE.sub('', reason).rstrip('.')})"
    raise StepError(what, "keep that operator in float, by another precision, or write it with other operations")


def _failure(content: bytes, folder: Path) -> str | None:
    """What goes wrong when a file runs on the samples in a folder; None if nothing does.

    Raises:
        OSError: the files in the folder cannot be written or read.
    """
    write_named(folder / "model.tflite", content)
    reason = fault_of("compressor.models.litert.running.trial_process", folder)
    if reason is None:
        return None
    return reason.removeprefix("LiteRT cannot run the file (").removesuffix(")")


def _failing_place(content: bytes, folder: Path) -> int:
    """The first operator with which the file fails, found by files that end earlier; beyond the last if none does."""
    count = len(read_model(content).subgraphs[0].operators)
    return bisect_left(range(count), True, key=lambda place: _failure(_ending_at(content, place), folder) is not None)


def _ending_at(content: bytes, place: int) -> bytes:
    """A file that ends at an operator."""
    model = read_model(content)
    graph = model.subgraphs[0]
    graph.operators = graph.operators[: place + 1]
    graph.outputs = graph.operators[place].outputs
    model.signatureDefs = []
    return write_model(model)


def _named(content: bytes, place: int) -> str:
    """The operator at a place, and the tensor that it makes."""
    model: Any = read_model(content)
    graph = model.subgraphs[0]
    operator = graph.operators[place]
    tensor = graph.tensors[operator.outputs[0]].name.decode(errors="replace")
    return f"the operator {operator_name(operator_of(model.operatorCodes[operator.opcodeIndex]))} that makes '{tensor}'"
