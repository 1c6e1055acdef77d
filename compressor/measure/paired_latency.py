"""How long one call of several files takes, timed in turn within one process, and what each operator's share of it is.

Python gets no times of operators from LiteRT 2: its profiler has an interface for C alone, and the package brings no
`benchmark_model`. Each operator is therefore timed alone, in a file of its own, on what it gets within the whole file.
That leaves out what operators cost one another, as in caches, or where tensors go from XNNPACK to LiteRT's own kernels.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.atomic_files import naming, write_named
from compressor.base.errors import ModelError
from compressor.base.named_arrays import arrays_in, names_in
from compressor.base.types import Arrays
from compressor.measure.latency_process import THREADS
from compressor.measure.median_interval import MedianInterval, median_interval
from compressor.models.litert.reading.graph_contents import FileEndpoint, main_graph_of
from compressor.models.litert.running.child_run import fault_of

_SECONDS_OF_A_FILE = 1.0
_SECONDS_OF_OPERATORS = 0.5


@dataclass(frozen=True)
class OperatorTime:
    """One call of an operator within a file.

    Attributes:
        operator: its name in the schema, such as `CONV_2D`.
        output: the name of the first tensor that it makes.
        computes_in: the types of what it takes and makes, as in `int8` or `float32 to int8`.
        arithmetic: `float`, `integer` or, for what only converts or moves values, `neither`.
        weights: the name of the largest constant that it takes; empty where it takes none.
        kernels: whose code computes it, `XNNPACK` or `LiteRT`; empty where it could not be run alone.
        seconds: of one run, alone; None where it could not be.
    """

    operator: str
    output: str
    computes_in: str
    arithmetic: str
    weights: str
    kernels: str
    seconds: float | None


@dataclass(frozen=True)
class FileLatency:
    """One call of a file with one sample.

    Attributes:
        seconds: the median over the rounds, with its 95 % interval.
        ratio: the same of its time as a share of the first file's in the same round.
        rounds: in each of which all files were opened anew and timed.
        calls: of this file that were timed in a round; their median is the round's time.
        threads: of the interpreter.
        operators: of the main graph, in order; empty where they were not timed.
        fault: why they were not, as the end of a sentence.
    """

    seconds: MedianInterval
    ratio: MedianInterval
    rounds: int
    calls: int
    threads: int = THREADS
    operators: tuple[OperatorTime, ...] = ()
    fault: str = ""


def paired_latencies(contents: Sequence[bytes], sample: Arrays, seed: int = 0) -> tuple[FileLatency, ...]:
    """Time files in turn, and then the operators of each.

    Short calls take about half a second a file with its operators, and a second or two at most; where a call takes
    longer than 20 ms, each file is called some 45 times.

    Args:
        contents: of the `.tflite` files; the first is the one that the others are compared with.
        sample: one sample, of shape (1, ...), by name where the files have several inputs.
        seed: of the order within the rounds.

    Raises:
        ModelError: a file cannot be run, or crashes or does not end. An operator that does is told as a `fault`.
        OSError: the temporary folder cannot be written or read.
    """
    found = _in_child(contents, sample, seed, False, _SECONDS_OF_A_FILE * len(contents))
    if isinstance(found, str):
        raise ModelError(f"calls cannot be timed: {found}", "give files that run on such a sample")
    seconds = np.array(found["seconds"])
    files = [
        FileLatency(
            median_interval(own.tolist()), median_interval((own / seconds[:, 0]).tolist()), len(own), int(calls)
        )
        for own, calls in zip(seconds.T, found["calls"], strict=True)
    ]
    by_content: dict[bytes, FileLatency] = {}
    for place, content in enumerate(contents):
        if content not in by_content:
            by_content[content] = with_operators(files[place], content, sample, seed)
        timed = by_content[content]
        files[place] = replace(files[place], operators=timed.operators, fault=timed.fault)
    return tuple(files)


def latency_of_file(content: bytes) -> FileLatency:
    """Time a file and its operators on inputs that are drawn at random from 0 to 1; whole numbers are 0.

    Sizes that the file leaves open are 1.

    Raises:
        ModelError: it cannot be run on such inputs, or crashes or does not end.
        OSError: the temporary folder cannot be written or read.
    """
    draw, inputs = np.random.default_rng(0), main_graph_of(content).inputs
    sample = {end.name: _drawn(end, draw) for end in inputs}
    (timed,) = paired_latencies([content], sample if len(inputs) != 1 else next(iter(sample.values())))
    return timed


def _drawn(end: FileEndpoint, draw: np.random.Generator) -> NDArray[np.float32]:
    shape = [size or 1 for size in end.shape]
    takes_numbers = end.dtype.startswith("float") or end.scale
    return draw.random(shape, np.float32) if takes_numbers else np.zeros(shape, np.float32)


def with_operators(file: FileLatency, content: bytes, sample: Arrays, seed: int = 0) -> FileLatency:
    """A file's latency with the times of its operators, or with the reason that there are none.

    Raises:
        OSError: the temporary folder cannot be written or read.
    """
    found = _in_child([content], sample, seed, True, _SECONDS_OF_OPERATORS)
    if isinstance(found, str):
        return replace(file, fault=found)
    return replace(file, operators=tuple(OperatorTime(**row) for row in found))


def _in_child(contents: Sequence[bytes], sample: Arrays, seed: int, by_operator: bool, budget: float) -> Any:
    """What the child process finds out, or what goes wrong in it."""
    request = {
        "names": names_in(sample),
        "files": len(contents),
        "by_operator": by_operator,
        "seed": seed,
        "budget": budget,
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_named(folder / "request.json", json.dumps(request))
        with naming(folder / "samples.npz"):
            np.savez(folder / "samples.npz", *arrays_in(sample))
        for place, content in enumerate(contents):
            write_named(folder / f"{place}.tflite", content)
        fault = fault_of("compressor.measure.latency_process", folder)
        return json.loads((folder / "times.json").read_text()) if fault is None else fault
