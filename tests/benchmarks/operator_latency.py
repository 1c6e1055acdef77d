"""How long each kind of operator in `.tflite` files takes, and whether XNNPACK computes it.

    python tests/benchmarks/operator_latency.py [FILE ...]    by default an int8 file of hard-swish, and its float twin

Each operator is run alone, in a file of its own, on noise, with one thread: the median of 300 runs less that of a file
that does nothing. What an operator costs beside others, in caches and in changes between XNNPACK and LiteRT's own
kernels, is not in it: compare the sum with the time of the whole file.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

RUNS = 300


def median(content: bytes) -> tuple[float, bool]:
    """Microseconds of a call, and whether XNNPACK computes any of it."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    noise = np.random.default_rng(0)
    for end in interpreter.get_input_details():
        interpreter.set_tensor(end["index"], (noise.random(end["shape"]) * 50).astype(end["dtype"]))
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - begun)
    delegated = any(each["op_name"] == "DELEGATE" for each in interpreter._get_ops_details())
    return float(np.median(times)) * 1e6, delegated


def alone(content: bytes, place: int | None) -> tuple[str, bytes]:
    """The name of one operator of a file and a file of it alone; without a place, a file that holds none."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    from compressor.models.litert.format.flatbuffer import operator_of, read_model, write_model

    model = read_model(content)
    (graph,), model.signatureDefs = model.subgraphs, None
    if place is None:
        graph.operators, graph.outputs = [], graph.inputs
        return "", write_model(model)
    call = graph.operators[place]
    graph.operators, graph.outputs = [call], call.outputs
    buffers = {index: model.buffers[graph.tensors[index].buffer].data for index in call.inputs if index >= 0}
    graph.inputs = [index for index, data in buffers.items() if data is None or not len(data)]
    names = {number: name for name, number in vars(BuiltinOperator).items() if isinstance(number, int)}
    return names[operator_of(model.operatorCodes[call.opcodeIndex])], write_model(model)


def table(name: str, content: bytes) -> str:
    """Counts and microseconds by kind of operator, the slowest first."""
    from compressor.models.litert.format.flatbuffer import read_model

    idle, _ = median(alone(content, None)[1])
    spent, count, delegated = Counter[str](), Counter[str](), Counter[str]()
    for place in range(len(read_model(content).subgraphs[0].operators)):
        operator, file = alone(content, place)
        taken, by_xnnpack = median(file)
        spent[operator] += max(0.0, taken - idle)  # type: ignore[assignment]
        count[operator] += 1
        delegated[operator] += by_xnnpack
    head = f"{name}: {median(content)[0]:.0f} us a call, {sum(spent.values()):.0f} us in single operators"
    rows = [f"| {each} | {count[each]} | {taken:.1f} | {delegated[each]} |" for each, taken in spent.most_common()]
    return "\n".join([head, "| operator | number | us | by XNNPACK |", "| --- | --- | --- | --- |", *rows, ""])


def twins() -> dict[str, bytes]:
    """Three convolutions with hard-swish for 28 x 28 images, in floats and in integers."""
    import tf_keras

    from compressor.models.litert.conversion.converter import Conversion, to_litert

    tf_keras.utils.set_random_seed(0)
    model: Any = tf_keras.Sequential([tf_keras.layers.InputLayer((28, 28, 1))])
    for _ in range(3):
        model.add(tf_keras.layers.Conv2D(16, 3, padding="same", activation=None))
        model.add(tf_keras.layers.Lambda(lambda x: x * tf_keras.backend.relu(x + 3, max_value=6) / 6))
    (name,) = model.input_names
    images = np.random.default_rng(0).random((32, 1, 28, 28, 1)).astype(np.float32)
    calibrated = Conversion(weights="int8", calibration=iter({name: image} for image in images))
    return {"float": to_litert(model), "int8": to_litert(model, calibrated)}


def main() -> None:
    """Print a table a file."""
    found = {path: Path(path).read_bytes() for path in sys.argv[1:]} or twins()
    for name, content in found.items():
        print(table(name, content), flush=True)


if __name__ == "__main__":
    main()
