"""Some of the collection of hostile files, read in this process; `make test-long` has the tool read all of them."""

from __future__ import annotations

from itertools import chain

import hostile_arrays
import hostile_keras_configs
import hostile_keras_files
import hostile_litert_files
import hostile_recipes
import hostile_tables
import pytest
import run_hostile_files
from hostile_files import MARKER, Case, Collection, cleared, small_models, special_files

from compressor.base.text import shortened

RAISED = "or, if you know where it comes from, set COMPRESSOR_MAX_MEMORY to"
NO_FILE = "and not a regular file; write its content to a file, and name that"
MESSAGES = {
    "special-fifo-m.h5": f"m.h5 is a named pipe, {NO_FILE}",
    "special-zero-m.tfpack": f"m.tfpack is a device, {NO_FILE}",
    "special-socket-d.csv": f"d.csv is a socket, {NO_FILE}",
    "special-fifo-d.npz": f"d.npz is a named pipe, {NO_FILE}",
    "special-holes-m.tflite": "m.tflite has 10000.0 GB, and is not read into memory beyond ",
    "special-fifo-plan-model": f"it.keras is a named pipe, {NO_FILE}",
    "special-zero-plugin": "p.py' is not a regular file; check the path",
    "special-zero-unpack": f"m.tfpack is a device, {NO_FILE}",
    "k2-units2": "m.keras has 2.9 kB, and describes a model with weights of 316659.3 GB; do not load it",
    "k2-shape0": "and describes a model with weights of over 1000000.0 GB; do not load it",
    "zip-twice": "m.keras holds 'config.json' 2 times; save it again",
    "zip-crc-both-1-model.weights.h5": "this is not a whole .keras file (Bad CRC-32 for file 'model.weights.h5')",
    "zip-size-both-1-config.json": "this is not a whole .keras file (Bad CRC-32 for file 'config.json')",
    "h5-swells": "m.h5: it would unpack from ",
    "h5-outside": "it would read another file ('/etc/passwd'); save it again",
    "tflite-operand": "the LiteRT file is damaged (list index out of range)",
    "tfpack-gzip-length0": "the package claims to hold 9,223,372,036,854,775,807 bytes; give a whole .tflite file",
    "npy-negative": "its header gives it the shape (-1, 8, 8, 1)",
    "npy-nothing": "its entries are empty",
    "npy-call": "its header is damaged",
    "npz-negative": "its header gives it the shape (-1, 8, 8, 1)",
    "npz-nothing": "the data has 1,000,000,000,000,000 entries with nothing in them; give each at least one number",
    "npz-bomb": f"save it as a folder of .npy files, which are read piece by piece, {RAISED} 8.0 GB",
    "npz-pickle": "Object arrays cannot be loaded when allow_pickle=False",
    "csv-columns": "",
    "csv-one-line": "d.csv, line 1: it has more than 16,777,216 characters; end each row with a line end",
    "parquet-bomb": "would unpack from ",
    "image-png-bomb": "bytes to 60,000 x 60,000 pixels; do not open it",
    "recipe-laughs-validate": "",
    "recipe-deep-list-validate": "",
    "recipe-tag-plan": "",
    "recipe-extends-device-plan": "is not a regular file; name a recipe file",
}  # fmt: skip
PARTS = (
    special_files,
    hostile_keras_configs.config_cases,
    hostile_keras_files.archive_cases,
    hostile_keras_files.hdf5_cases,
    hostile_litert_files.litert_cases,
    hostile_litert_files.package_cases,
    hostile_arrays.npy_cases,
    hostile_arrays.archive_cases,
    hostile_tables.csv_cases,
    hostile_tables.parquet_cases,
    hostile_tables.image_cases,
    hostile_recipes.recipe_cases,
)


@pytest.fixture(scope="module")
def files(tensorflow, tmp_path_factory):
    return small_models(tmp_path_factory.mktemp("models"), keras3=False)


def test_hostile_files_of_every_kind_are_refused_with_what_is_wrong(files, tmp_path, monkeypatch, capfd):
    from compressor.cli import root
    from compressor.cli.boundary import run_guarded

    place = tmp_path / "files"
    place.mkdir()
    monkeypatch.chdir(place)
    left, faults, tried = dict(MESSAGES), [], 0
    for case in chain.from_iterable(part(Collection(place, files)) for part in PARTS):
        if case.name in left:
            wanted = left.pop(case.name)
            code = run_guarded(root, list(case.arguments))
            text = capfd.readouterr().err
            tried += 1
            if code != 1 or wanted not in text:
                faults.append(f"{case.name}: exit code {int(code)}: {shortened(text, 600)}")
        cleared(place, case)
    assert "\n".join(faults) == ""
    assert tried == len(MESSAGES)
    assert not (place / MARKER).exists() and not (tmp_path / MARKER).exists()


def test_a_pattern_that_no_case_has_is_a_mistake_and_no_success(monkeypatch, capsys):
    monkeypatch.setattr(run_hostile_files, "_import_all", lambda: None)
    monkeypatch.setattr(run_hostile_files, "_made_apart", lambda folder: {})
    monkeypatch.setattr(run_hostile_files, "all_cases", lambda root, files: iter([Case("csv-rows", ["evaluate"])]))
    monkeypatch.setattr("sys.argv", ["run_hostile_files.py", "--only", "csw"])
    assert run_hostile_files.main() == 1
    assert capsys.readouterr().err == "the name of no case begins with what 'csw' matches\n"
