"""A kind of data is one module in `compressor/data/kinds`: all that depends on kinds learns of it from there."""

import json
import sys

import numpy as np
import pytest
import test_docs
from reading import inputs_of, labels_of, refusal

import compressor.data.kinds as folder
from compressor.base.path_or_function import Reference
from compressor.data.from_source import load_splits
from compressor.planning import planner
from compressor.planning.source_text import reference
from compressor.recipe.problems import RecipeError

MODULE = '''
"""Samples in `.jsonl` files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from compressor.base.params import Params
from compressor.data.data_kind import DataKind
from compressor.data.kinds import files_of
from compressor.data.split_names import parted_by_name

if TYPE_CHECKING:
    from compressor.data.split import Splits


class LinesOptions(Params):
    """What a line holds."""

    label: str = Field(description="the key of the label")


class JsonLines(DataKind):
    """A list of numbers in each line."""

    name = ".jsonl files"
    example = "`./lines.jsonl`"
    told_apart = "by the names of the files"
    suffixes = (".jsonl",)
    Options = LinesOptions

    def splits(self, target: str, options: LinesOptions, spool: Path) -> Splits:
        from compressor.data.function_results import splits_of

        parts = parted_by_name(files_of(target, self), Path(target))
        return splits_of({part: _arrays(files, options.label) for part, files in parts.items()}, spool)


def _arrays(files, label):
    import numpy as np

    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    return np.array([line["x"] for line in lines]), np.array([line[label] for line in lines])
'''


@pytest.fixture
def json_lines(tmp_path, monkeypatch):
    """The kind `.jsonl files`, added by its module alone."""
    place = tmp_path / "kinds"
    place.mkdir()
    (place / "json_lines.py").write_text(MODULE)
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(place)])
    folder.kinds.cache_clear()
    yield
    folder.kinds.cache_clear()
    sys.modules.pop("compressor.data.kinds.json_lines", None)


@pytest.fixture
def lines(tmp_path):
    """A folder with a file of each split."""
    place = tmp_path / "lines"
    place.mkdir()
    for name, count in (("train", 6), ("test", 4)):
        samples = [{"x": [number, 2 * number], "kind": number % 2} for number in range(count)]
        (place / f"{name}.jsonl").write_text("\n".join(map(json.dumps, samples)))
    return place


def problems(tmp_path, data):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"version: 1\nmodel: {{source: mnist_cnn, train: {{epochs: 1}}}}\ndata: {data}\n")
    with pytest.raises(RecipeError) as caught:
        planner.check(path)
    errors = [problem for problem in caught.value.problems if problem.severity == "error"]
    return [f"{problem.origin.line}:{problem.origin.column} {problem.message}" for problem in errors]


def test_without_its_module_nothing_knows_it(lines, tmp_path):
    assert reference("lines.jsonl", tmp_path, {}) is None
    assert refusal(load_splits, lines / "train.jsonl") == (
        f"{lines / 'train.jsonl'} is not a known kind of data; "
        "use .csv tables, .npy files, .npz files, .parquet tables, TFRecord files or folders of images"
    )
    assert "jsonl" not in test_docs.sources() + test_docs.options()


def test_its_suffix_makes_a_path(json_lines, tmp_path):
    assert reference("lines.jsonl", tmp_path, {}) == Reference("path", str(tmp_path / "lines.jsonl"))


def test_its_options_are_checked_each_at_its_place(json_lines, lines, tmp_path):
    assert problems(tmp_path, "{source: lines.jsonl, with: {label: 3}}") == ["3:43 'label' takes text, not 3"]
    assert problems(tmp_path, "{source: ./lines, with: {lable: kind}}") == [
        "3:25 'label' is missing; add it",
        "3:32 unknown key 'lable'; did you mean 'label'?",
    ]


def test_its_files_are_read(json_lines, lines):
    splits = load_splits(Reference("path", str(lines), {"label": "kind"}))
    assert (splits.train.size, splits.test.size) == (6, 4)
    np.testing.assert_array_equal(inputs_of(splits.test), [[0, 0], [1, 2], [2, 4], [3, 6]])
    assert labels_of(splits.test).tolist() == [0, 1, 0, 1]


def test_it_is_in_the_docs(json_lines):
    row = "| `./lines.jsonl` | A list of numbers in each line. | by the names of the files |"
    assert row in test_docs.sources().splitlines()
    assert "| .jsonl files | `label` | string | `required` | the key of the label |" in test_docs.options().splitlines()


def test_messages_name_it(json_lines, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"0")
    assert refusal(load_splits, tmp_path / "data.bin").endswith(
        "; use .csv tables, .jsonl files, .npy files, .npz files, .parquet tables, TFRecord files or folders of images"
    )
