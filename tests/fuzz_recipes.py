"""Throws mutated recipes and YAML-like noise at the planner, which must answer each with a plan or a CompressorError.

    python tests/fuzz_recipes.py --cases 100000 --seed 0

Runs no training and imports no TensorFlow; a recipe's own plugin files are not run. Exits with 1 on any other
exception, and prints the text that led to it.
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from compressor.base.errors import CompressorError
from compressor.planning import planner
from compressor.planning.registry import Registry
from compressor.recipe import shipped
from compressor.recipe.document import dump, parse
from compressor.recipe.load import read_tree
from compressor.recipe.problems import Source

WHOLE = """\
version: 1
name: whole
description: what the shipped recipes leave out
plugins: [./strategy.py]
model:
  source: ../models/model.keras
data:
  source: my_package.data:load
  with: {size: &size [28, 28], path: "a b"}
training:
  early_stopping: {patience: 2, min_delta: 1e-4}
evaluation:
  metrics: [accuracy, mine]
steps:
  - id: first
    uses: mine
    with: {layers: ["block_*/conv*", "type:Dense"], size: *size}
  - uses: prune
    with: {layers: ["*"], except: [last]}
constraints:
  min_accuracy: 0.9
  max_gzip_size: 8 KiB
"""
SEEDS = [WHOLE, *(path.read_text(encoding="utf-8") for path in sorted(shipped.folder().glob("*.yaml")))]
TREES = [read_tree(name)[0].plain() for name in shipped.names()]
TREES.append(parse(WHOLE, Source("whole.yaml", tuple(WHOLE.splitlines()), Path())).plain())
VALUES = [
    *("0", "-1", "1e-3", "1e999", "9" * 400, "0x1F", "0o17", ".inf", ".nan", "null", "~", "true", "no", "''", "'1'"),
    *(
        "[]",
        "{}",
        "[[]]",
        "{a: 1}",
        "[*]",
        "*a",
        "&a x",
        "!!python/object:os.system x",
        "!x y",
        "<<",
        "|\n  x",
        ">-\n x",
    ),
    *("prune", "ptq", "qat", "train", "mnist", "accuracy", "conv", "type:Dense", "x.keras", "../x.tflite", "os:getcwd"),
    *(
        "25 kB",
        "0 kB",
        "25 kilos",
        "é",
        "漢字",
        "🏳️\u200d🌈",
        "\x1b[31m",
        "\\e",
        "\0",
        "\ufeff",
        "\u202e",
        "\x85",
        "\ud800",
    ),
    *(
        "x" * 300,
        "a/" * 300,
        "./" + "x" * 300,
        "\\",
        "C:\\x",
        "'",
        '"',
        "baseline.yaml",
        "recipe.yaml",
        "../",
        "/dev/zero",
    ),
]
DATA = [
    *(None, True, False, 0, 1, -1, 10**30, 0.5, 1e-3, -0.0, math.inf, math.nan, [], {}, [[]], ["*"], {"a": {}}, [None]),
    *(value for value in VALUES if value.isprintable()),
]
KEYS = [
    *("version", "name", "description", "plugins", "model", "data", "training", "evaluation", "steps", "constraints"),
    *("extends", "source", "with", "train", "uses", "id", "metrics", "validation_split", "epochs", "layers", "except"),
    *("final_sparsity", "precision", "learning_rate", "early_stopping", "max_size", "1", "null", "on", "with_", "<<"),
]
SIGNS = [*"[]{}:,-?&*!|>'\"%@`#~=<. \t\n\r\\", ": ", "- ", "\n  ", "\n- ", "---\n", "...\n", "? ", "\r\n"]


def mutated(text: str, random: Random) -> str:
    """The text after a few changes."""
    for _ in range(random.randint(1, 5)):
        text = random.choice(MUTATIONS)(text, random)
    return text


def restructured(random: Random) -> str:
    """A shipped recipe, composed, with a few values or keys exchanged: YAML for sure, so that it gets further."""
    data = copy.deepcopy(random.choice(TREES))
    for _ in range(random.randint(1, 4)):
        holder, key = random.choice(list(_places(data)))
        other_holder, other_key = random.choice(list(_places(random.choice([data, *TREES]))))
        change = random.choice(["drop", "value", "value", "key", "copy"])
        if change == "drop":
            del holder[key]
        elif change == "value":
            holder[key] = random.choice(DATA)
        elif change == "key" and isinstance(holder, dict):
            holder[random.choice(KEYS)] = holder.pop(key)
        else:
            holder[key] = copy.deepcopy(other_holder[other_key])
        if not data:
            break
    return dump(data)


def noise(random: Random) -> str:
    """Text made of what YAML and recipes are made of."""
    return "".join(random.choice(random.choice([SIGNS, SIGNS, KEYS, VALUES])) for _ in range(random.randint(0, 60)))


def override(random: Random) -> str:
    """Something like what `--set` takes."""
    parts = [random.choice([*KEYS, "0", "1", "9" * 5_000, ""]) for _ in range(random.randint(1, 5))]
    return ".".join(parts) + random.choice(["=", "=", "=", ""]) + random.choice([random.choice(VALUES), noise(random)])


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    for key, below in list(data.items() if isinstance(data, dict) else enumerate(data)):
        yield data, key
        if isinstance(below, dict | list):
            yield from _places(below)


def _replace_characters(text: str, random: Random) -> str:
    at = random.randint(0, len(text))
    return text[:at] + random.choice(random.choice([SIGNS, VALUES])) + text[at + random.randint(0, 3) :]


def _drop_characters(text: str, random: Random) -> str:
    at = random.randint(0, len(text))
    return text[:at] + text[at + random.randint(1, 20) :]


def _change_lines(text: str, random: Random) -> str:
    lines = text.split("\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    change = random.choice(["drop", "double", "swap", "indent", "dedent", "cut"])
    if change == "drop":
        del lines[at]
    elif change == "double":
        lines.insert(other, lines[at])
    elif change == "swap":
        lines[at], lines[other] = lines[other], lines[at]
    elif change == "indent":
        lines[at] = random.choice([" ", "  ", "\t"]) + lines[at]
    elif change == "dedent":
        lines[at] = lines[at].lstrip()
    else:
        del lines[at:]
    return "\n".join(lines)


def _replace_value(text: str, random: Random) -> str:
    lines = text.split("\n")
    at = random.randrange(len(lines))
    key, colon, _ = lines[at].partition(":")
    lines[at] = f"{key}{colon or ':'} {random.choice(VALUES)}"
    return "\n".join(lines)


def _replace_key(text: str, random: Random) -> str:
    lines = text.split("\n")
    at = random.randrange(len(lines))
    key, colon, value = lines[at].partition(":")
    indent = key[: len(key) - len(key.lstrip(" -"))]
    lines[at] = f"{indent}{random.choice(KEYS)}{colon or ':'}{value}"
    return "\n".join(lines)


def _splice(text: str, random: Random) -> str:
    other = random.choice(SEEDS)
    return text[: random.randint(0, len(text))] + other[random.randint(0, len(other)) :]


MUTATIONS: list[Callable[[str, Random], str]] = [
    *(_replace_characters, _drop_characters, _change_lines, _change_lines, _replace_value, _replace_value),
    *(_replace_key, _splice),
]


MAKERS = [lambda random: mutated(random.choice(SEEDS), random), restructured, restructured, noise]


def main() -> int:
    """Run the cases and say in one line how they went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    random, registry, outcomes = Random(arguments.seed), Registry.installed(), Counter[str]()
    began, slowest = time.perf_counter(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.yaml"
        for _ in range(arguments.cases):
            text = random.choice(MAKERS)(random)
            overrides = [override(random) for _ in range(random.choice([0, 0, 0, 1, 2]))]
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
            start = time.perf_counter()
            try:
                planner.check(path, overrides, registry)
                outcomes["valid"] += 1
            except CompressorError:
                outcomes["refused"] += 1
            # whatever else there is, it is what this looks for
            except Exception:  # noqa: BLE001
                outcomes["tracebacks"] += 1
                print(f"{'-' * 80}\n{text!r}\n{overrides!r}\n{traceback.format_exc()}")
            slowest = max(slowest, time.perf_counter() - start)
    counts = ", ".join(f"{outcomes[outcome]:,} {outcome}" for outcome in ("valid", "refused", "tracebacks"))
    times = f"{time.perf_counter() - began:.0f} s, slowest {1000 * slowest:.0f} ms"
    print(f"{arguments.cases:,} cases, seed {arguments.seed}: {counts}; {times}")
    return 1 if outcomes["tracebacks"] else 0


if __name__ == "__main__":
    sys.exit(main())
