"""What the cache costs a first run and saves a second one, and whether two runs without it give the same bytes.

The recipe is `prune_qat` with dropout and augmentation; every run is a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPE = {
    "extends": "prune_qat",
    "name": "cache",
    "data": {"augment": [{"shift": 0.05}]},
    "model": {"source": "strided_cnn", "train": {"epochs": 3}},  # it has dropout
    "steps": [
        {"uses": "prune", "with": {"final_sparsity": 0.8, "epochs": 3}},
        {"uses": "qat", "with": {"epochs": 1}},
        {"uses": "ptq"},
    ],
    "constraints": {"max_accuracy_drop": 1.0, "max_size": None, "max_gzip_size": None, "min_sparsity": None},
}
GOAL = 0.05  # of a first run's wall time, for keeping what it made
RUN = """
import json, resource, sys, time
import compressor
from compressor.run.cache import store
from compressor.run.cache import locks

spent = 0.0

def timed(function):
    def call(*arguments, **options):
        global spent
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            spent += time.perf_counter() - start
    return call

for owner, name in [(store.Cache, "get"), (store.Cache, "put"), (store.Cache, "remember"), (locks.InUse, "add")]:
    setattr(owner, name, timed(getattr(owner, name)))
start = time.perf_counter()
compressor.apply(sys.argv[1], output=sys.argv[2])
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "spent": spent, "peak": peak, "tensorflow": "tensorflow" in sys.modules}))
"""


def run(recipe: Path, folder: Path, cache: Path) -> dict[str, float]:
    """A run in a process of its own, with the wall time from its start to its end."""
    environment = {**os.environ, "COMPRESSOR_CACHE": str(cache)}
    start = time.perf_counter()
    command = [sys.executable, "-c", RUN, str(recipe), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), "wall": time.perf_counter() - start}


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        recipe = root / "cache.yaml"
        recipe.write_text(json.dumps(RECIPE))
        first = run(recipe, root / "first", root / "cache")
        again = run(recipe, root / "again", root / "cache")
        run(recipe, root / "anew", root / "other cache")
        files = [sorted((root / name / "stages").glob("*.tflite")) for name in ("first", "again", "anew")]
        contents = [[path.read_bytes() for path in found] for found in files]
    share = first["spent"] / first["seconds"]
    print(f"first run   {first['wall']:7.1f} s wall, {first['peak'] / 1e6:6.0f} MB at the peak")
    print(f"cached run  {again['wall']:7.1f} s wall, {again['peak'] / 1e6:6.0f} MB at the peak", end="")
    print(", TensorFlow imported" if again["tensorflow"] else ", TensorFlow not imported")
    print(f"keeping what it made took {share:.2%} of the first run, goal {GOAL:.0%}{' MISSED' * (share > GOAL)}")
    same = contents[0] == contents[2] and contents[0] == contents[1]
    print(f"{len(contents[0])} stages, {'the same bytes' if same else 'OTHER BYTES'} from the cache and made anew")
    return int(share > GOAL or not same)


if __name__ == "__main__":
    sys.exit(main())
