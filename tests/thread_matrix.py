"""Compares the bytes of runs that may use one core with those that may use all, for each number of threads.

    python tests/thread_matrix.py [--nets conv64 ...] [--chains prune ...] [--threads 2 ...]

Every chain of steps runs in `--smoke` on every net: twice for each number of threads, in processes of their own.
Prints a row a net and a chain, and ends with code 1 if any bytes differ. All of it takes about an hour on two cores.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NETS = ("small", "conv64", "separable", "lstm")
THREADS = (1, 2, 4)
_SEVERAL = {"epochs": 2}
CHAINS = {
    "train": [],
    "prune": [{"uses": "prune", "with": {"final_sparsity": 0.5, **_SEVERAL}}],
    "prune 2:4": [{"uses": "prune", "with": {"pattern": "2:4", **_SEVERAL}}],
    "prune_channels": [{"uses": "prune_channels", "with": {"parameters": 0.7, "epochs": 1}}],
    "grow_channels": [{"uses": "grow_channels", "with": {"parameters": 1.4, "epochs": 1}}],
    "cluster": [{"uses": "cluster", "with": {"number_of_clusters": 8, "epochs": 1}}],
    "distill": [{"uses": "distill", "with": {"teacher": "baseline", "epochs": 1}}],
    "low_rank": [{"uses": "low_rank", "with": {"parameters": 0.6, "epochs": 1}}],
    "entropy, ptq": [{"uses": "entropy", "with": {"epochs": 2}}, {"uses": "ptq"}],
    "qat": [{"uses": "qat", "with": {"epochs": 1}}, {"uses": "ptq"}],
    "qat int4": [{"uses": "qat", "with": {"weights": "int4", "epochs": 1}}],
    "qat 16x8": [{"uses": "qat", "with": {"activations": "int16", "epochs": 1}}],
    "ptq, slim, pack": [{"uses": "ptq"}, {"uses": "slim"}, {"uses": "pack"}],
    "ptq 16x8": [{"uses": "ptq", "with": {"precision": "int16x8"}}],
    "equalize, ptq": [{"uses": "equalize"}, {"uses": "ptq"}],
    "fuse": [{"uses": "fuse"}],
    "mixed_precision": [{"uses": "mixed_precision", "with": {"max_drop": 0.5, "samples": 16}}],
}


def model(net):
    """An untrained net for 10 classes."""
    import tf_keras

    layers = tf_keras.layers
    parts = {
        "small": [layers.Input((28, 28, 1)), layers.Conv2D(12, 3, activation="relu"), layers.MaxPooling2D()],
        "conv64": [
            layers.Input((32, 32, 3)), layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"), layers.MaxPooling2D(4),
        ],
        "separable": [
            layers.Input((32, 32, 3)), layers.Conv2D(16, 3, strides=2), layers.BatchNormalization(), layers.ReLU(),
            layers.DepthwiseConv2D(3), layers.BatchNormalization(), layers.ReLU(), layers.Conv2D(32, 1),
            layers.BatchNormalization(), layers.ReLU(),
        ],
        "lstm": [layers.Input((20, 8)), layers.LSTM(32)],
    }  # fmt: skip
    return tf_keras.Sequential([*parts[net], layers.Flatten(), layers.Dense(10, activation="softmax")])


def data(net):
    """Random samples for it, with random labels."""
    import numpy as np

    shape = {"small": (28, 28, 1), "lstm": (20, 8)}.get(net, (32, 32, 3))
    generator = np.random.default_rng(0)

    def split(samples):
        return generator.random((samples, *shape), np.float32), generator.integers(0, 10, samples)

    return {"train": split(256), "test": split(32)}


def digests(net, chains, threads, cores):
    """SHA-256 of all stage files of each chain, or why the net cannot take it, in a process that may use `cores`."""
    own = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    command = [sys.executable, __file__, "--child", net, json.dumps(chains), str(threads), json.dumps(sorted(cores))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _child(net, chains, threads, cores):
    os.sched_setaffinity(0, cores)  # before anything is imported that counts them
    import compressor

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for place, chain in enumerate(chains):
            recipe = {
                "version": 1,
                "model": {"source": f"{__file__}:model", "with": {"net": net}, "train": {"epochs": 2}},
                "data": {"source": f"{__file__}:data", "with": {"net": net}, "validation_split": 0.125},
                "training": {"batch_size": 32},
                "threads": threads,
                "steps": CHAINS[chain],
            }
            out = Path(folder, str(place))
            try:
                report, _ = compressor.apply(recipe, output=out, smoke=True, cache=Path(folder, "cache"))
            except compressor.CompressorError as error:
                found[chain] = str(error)
                continue
            assert report.threads == threads
            content = b"".join(path.read_bytes() for path in sorted(out.glob("stages/[0-9]*")))
            found[chain] = hashlib.sha256(content).hexdigest()
    print(json.dumps(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", nargs="+", default=NETS, choices=NETS)
    parser.add_argument("--chains", nargs="+", default=list(CHAINS), choices=CHAINS)
    parser.add_argument("--threads", nargs="+", default=THREADS, type=int)
    chosen = parser.parse_args()
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        print("only one core may be used here, so there is nothing to compare")
        return 0
    differ = 0
    for net in chosen.nets:
        rows = {chain: [] for chain in chosen.chains}
        for threads in chosen.threads:
            one, every = (digests(net, chosen.chains, threads, some) for some in ({min(cores)}, cores))
            for chain, row in rows.items():
                row.append((one[chain], every[chain]))
        for chain, row in rows.items():
            same = all(one == every for one, every in row)
            differ += not same
            refused = row[0][0] if len(row[0][0]) != 64 else ""
            others = f"{len({one for one, _ in row})} different" if len(row) > 1 else row[0][0][:12]
            print(f"{net:10} {chain:16} {'same' if same else 'DIFFER'}  {refused or others}", flush=True)
    print(f"{differ} differ between one core and {len(cores)}")
    return int(differ > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]), set(json.loads(sys.argv[5])))
    else:
        sys.exit(main())
