"""Evaluating 10,000 images in LiteRT: many samples a call against one, on the files of a smoke run, as ratios.

    python tests/benchmarks/evaluation.py

Goal: at least 2 times as fast.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from compressor.data.split import Split

ROUNDS = 5


def one_by_one(content: bytes, split: Split) -> None:
    """The loop that everybody writes."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    for features, _ in split.batches(1):
        interpreter.set_tensor(source, features)
        interpreter.invoke()
        interpreter.get_tensor(target).argmax()


def many_a_call(content: bytes, split: Split) -> None:
    """What the tool does."""
    from compressor.models.litert.running.interpreter import predictions

    for _, outputs, _ in predictions(content, split):
        outputs.argmax(-1)


def main() -> None:
    """Print a line a file."""
    import compressor
    from compressor_plugins.datasets.mnist import MNIST

    test = MNIST(MNIST.Params()).load().test
    with tempfile.TemporaryDirectory() as folder:
        report, where = compressor.apply(
            "prune_qat", output=Path(folder) / "out", smoke=True, cache=Path(folder) / "cache"
        )
        for stage in (report.stages[0], report.stages[-1]):
            content = (where / stage.file).read_bytes()
            best: dict[str, float] = {}
            for _ in range(ROUNDS):
                for name, evaluate in (("many", many_a_call), ("one", one_by_one)):
                    start = time.perf_counter()
                    evaluate(content, test)
                    best[name] = min(best.get(name, 1e9), time.perf_counter() - start)
            ratio = best["one"] / best["many"]
            print(
                f"{stage.id:8} one a call {best['one']:.3f} s, many a call {best['many']:.3f} s: "
                f"{ratio:.1f} times as fast (goal: at least 2)"
            )


if __name__ == "__main__":
    main()
