"""How far ratios of calls' times differ from run to run: timed in turn, against medians of one file after another.

    python tests/benchmarks/call_ratios.py [FILE ...]    by default the MNIST CNN in float, int8 and int16

The two ways alternate, run by run, so that the machine is as busy for one as for the other. Printed are the table of
the first run as `compressor inspect --latency` has it, what operators timed alone add up to, and of each file the
ratios to the first one and their spread: the largest less the least, as a share of their median.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

RUNS = 5


def made() -> dict[str, bytes]:
    """The MNIST CNN in float, int8 and int16; a smoke run's, since weights make no difference to time."""
    import compressor

    found: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision in ("int8", "int16x8"):
            report, where = compressor.apply(
                "ptq", overrides=[f"steps.ptq.with.precision={precision}"], output=Path(folder) / precision,
                cache=Path(folder) / "cache", smoke=True,
            )  # fmt: skip
            found.setdefault("float", (where / report.stages[0].file).read_bytes())
            found[precision] = (where / report.stages[-1].file).read_bytes()
    return found


def main() -> None:
    """Measure, and print the figures."""
    from compressor.measure.paired_latency import latency_of_file, paired_latencies
    from compressor.models.litert.running.interpreter import LiteRTModel
    from compressor.report.latency_tables import print_operator_kinds
    from compressor.report.latency_texts import operator_kinds
    from compressor.report.screen import Screen

    files = {path: Path(path).read_bytes() for path in sys.argv[1:]} or made()
    contents, screen = list(files.values()), Screen()
    for name, content in files.items():
        print(f"\n{name}")
        print_operator_kinds(operator_kinds(latency_of_file(content).operators), screen)
    end = LiteRTModel(contents[0]).inputs[0]
    sample: Any = np.random.default_rng(0).random(end.shape, np.float32)
    paired, unpaired, seconds = [], [], [0.0, 0.0]
    for run in range(RUNS):
        begun = time.perf_counter()
        paired.append([file.ratio.value for file in paired_latencies(contents, sample, seed=run)])
        seconds[0] += time.perf_counter() - begun
        begun = time.perf_counter()
        medians = [LiteRTModel(content).latency(sample).p50 for content in contents]
        unpaired.append([own / medians[0] for own in medians])
        seconds[1] += time.perf_counter() - begun
    for name, rows, took in (("in turn", paired, seconds[0]), ("one after another", unpaired, seconds[1])):
        print(f"\n{name}, {took / RUNS:.1f} s a run")
        for file, ratios in zip(files, np.array(rows).T, strict=True):
            spread = (ratios.max() - ratios.min()) / np.median(ratios)
            print(f"  {file}: {' '.join(f'{ratio:.3f}' for ratio in ratios)}   spread {spread:.1%}")


if __name__ == "__main__":
    main()
