"""Times `.tflite` files in a process of its own, which a crash of native code may end, and where no other code runs.

As a program, it gets a folder: `request.json` says what to do, `samples.npz` holds one sample, and `0.tflite` and so on
are the files. It times the files in turn, or the operators of the first one, and writes `times.json`.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from compressor.base.errors import ModelError
from compressor.base.types import Arrays
from compressor.measure.call_rounds import timed_in_turn
from compressor.models.library_errors import INTERPRETER_ERRORS
from compressor.models.litert.running.interpreter import LiteRTModel, open_interpreter
from compressor.models.litert.running.lone_operators import LoneOperator, empty_file, lone_operators
from compressor.models.litert.running.trial_process import UNREADABLE

THREADS = 1
_ROUNDS_OF_FILES = 41
_ROUNDS_OF_OPERATORS = 21
_SECONDS_OF_A_FILE = 2e-3  # in a round
_SECONDS_OF_AN_OPERATOR = 5e-4


def main(folder: Path) -> int:
    """Do what the folder's `request.json` asks for."""
    try:
        request = json.loads((folder / "request.json").read_text())
        with np.load(folder / "samples.npz") as arrays:
            values = list(arrays.values())
        sample = dict(zip(request["names"], values, strict=True)) if request["names"] else values[0]
        contents = [(folder / f"{place}.tflite").read_bytes() for place in range(request["files"])]
        gc.disable()
        seed, budget = request["seed"], request["budget"]
        found: Any = (
            _operator_times(contents[0], sample, seed, budget)
            if request["by_operator"]
            else _file_times(contents, sample, seed, budget)
        )
        (folder / "times.json").write_text(json.dumps(found))
    except ModelError as error:
        print(error.what)
        return 1
    except OSError as error:
        print(f"{error.errno or 0} {error.filename or folder}")
        return UNREADABLE
    return 0


def _file_times(contents: list[bytes], sample: Arrays, seed: int, budget: float) -> dict[str, Any]:
    """The seconds of a call of each file in each round."""

    def opener(content: bytes) -> Callable[[], Callable[[], object]]:
        def opened() -> Callable[[], object]:
            model = LiteRTModel(content, threads=THREADS)
            model.run(sample)
            return model.run_again

        return opened

    rounds = timed_in_turn(
        [opener(content) for content in contents],
        seed=seed,
        most_rounds=_ROUNDS_OF_FILES,
        round_seconds=_SECONDS_OF_A_FILE,
        budget=budget,
    )
    return {"seconds": rounds.seconds.tolist(), "calls": rounds.calls}


def _operator_times(content: bytes, sample: Arrays, seed: int, budget: float) -> list[dict[str, Any]]:
    """The seconds of each operator of the main graph, run alone, less those of a call that computes nothing."""
    rows, timed, openers = [], [], [_opener(open_interpreter(empty_file(content), THREADS))]
    for each in lone_operators(content, sample):
        operator = each.operator if isinstance(each, LoneOperator) else each
        facts = {name: value for name, value in vars(operator).items() if name != "name"}
        rows.append({"operator": operator.name, **facts, "weights": "", "kernels": "", "seconds": None})
        interpreter = _ready(each) if isinstance(each, LoneOperator) else None
        if isinstance(each, LoneOperator) and interpreter is not None:
            # XNNPACK is the only delegate of the interpreter, which lists what was delegated as such a node
            delegated = any(node["op_name"] == "DELEGATE" for node in interpreter._get_ops_details())
            rows[-1] |= {"weights": each.weights, "kernels": "XNNPACK" if delegated else "LiteRT"}
            timed.append(rows[-1])
            openers.append(_opener(interpreter))
    seconds = timed_in_turn(
        openers,
        seed=seed,
        most_rounds=_ROUNDS_OF_OPERATORS,
        round_seconds=_SECONDS_OF_AN_OPERATOR,
        budget=budget,
    ).seconds
    for row, own in zip(timed, np.median(seconds[:, 1:] - seconds[:, :1], axis=0), strict=True):
        row["seconds"] = max(0.0, float(own))
    return rows


def _ready(lone: LoneOperator) -> Any:
    """An interpreter that has run an operator once; None if LiteRT cannot run it alone."""
    try:
        interpreter = open_interpreter(lone.content, THREADS)
        interpreter.allocate_tensors()
        for details, array in zip(interpreter.get_input_details(), lone.inputs, strict=True):
            interpreter.set_tensor(details["index"], array)
        interpreter.invoke()
    except INTERPRETER_ERRORS:
        return None
    return interpreter


def _opener(interpreter: Any) -> Callable[[], Callable[[], object]]:
    return lambda: interpreter.invoke


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
