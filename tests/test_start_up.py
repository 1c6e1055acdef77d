"""What needs no model starts without TensorFlow, and without anything else that it does not need."""

import json
import subprocess
import sys

import pytest
from mixed_litert_file import with_an_island
from run_folders import right, write_run

from compressor.models.packing.package import pack
from compressor.recipe import shipped

HEAVY = {
    "tensorflow",
    "tf_keras",
    "keras",
    "tensorflow_model_optimization",
    "ai_edge_litert",
    "litert_quantizer",
}
RUN = """
import sys
sys.argv[0] = "compressor"
from compressor.cli import main
try:
    main()
except SystemExit as end:
    code = end.code
import json
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""
IMPORT = """
import importlib, json, pkgutil, sys
import compressor, compressor_plugins
names = []
for package in (compressor, compressor_plugins):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
            names.append(found.name)
print(json.dumps([names, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def outcome(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    return json.loads(done.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("validate", *shipped.names()),
        *(("plan", name) for name in shipped.names()),
        ("plan", "prune_qat", "--json"),
        ("strategies",),
        ("strategies", "prune"),
        ("schema",),
        ("schema", "--of", "report"),
        ("schema", "--of", "inspect"),
        *((command, "--help") for command in ("apply", "validate", "plan", "inspect", "evaluate", "compare")),
    ],
    ids=" ".join,
)
def test_a_command_that_needs_no_model_imports_no_tensorflow(arguments):
    code, modules = outcome(RUN, *arguments)
    assert code == 0
    assert HEAVY & set(modules) == set()


def test_runs_and_reports_are_compared_without_tensorflow(tmp_path):
    for name, count in (("a", 90), ("b", 80)):
        write_run(tmp_path / name, right(count, 100))
    runs = str(tmp_path / "a"), str(tmp_path / "b" / "report.json")
    code, modules = outcome(RUN, "compare", *runs, "--fail-if", "accuracy < -1pt or size > +2%", "--json")
    assert code == 3
    assert HEAVY & set(modules) == set()


@pytest.mark.parametrize("suffix", [".tflite", ".tfpack"])
@pytest.mark.parametrize("form", [(), ("--json",), ("--html",)], ids=str)
def test_a_litert_file_is_inspected_without_tensorflow(tmp_path, suffix, form):
    path = tmp_path / f"m{suffix}"
    path.write_bytes(with_an_island() if suffix == ".tflite" else pack(with_an_island(), "brotli"))
    code, modules = outcome(RUN, "inspect", str(path), *form)
    assert code == 0
    assert (HEAVY & set(modules)) - {"ai_edge_litert"} == set()  # whose schema reads the file


def test_help_imports_neither_pydantic_nor_yaml_nor_rich_nor_numpy():
    _, modules = outcome(RUN, "--help")
    assert {"pydantic", "yaml", "rich", "numpy", "pluggy"} & set(modules) == set()


def test_validate_imports_neither_rich_nor_numpy():
    _, modules = outcome(RUN, "validate", *shipped.names())
    assert {"rich", "numpy"} & set(modules) == set()


def test_every_module_can_be_imported_without_tensorflow():
    names, modules = outcome(IMPORT)
    assert {"compressor.run.engine", "compressor.cli.commands.apply", "compressor_plugins.qat.qat"} <= set(names)
    assert HEAVY & set(modules) == set()


def test_knowing_all_kinds_of_data_takes_neither_numpy_nor_what_reads_them():
    code = "import json, sys; from compressor.data.kinds import kinds; found = [kind.name for kind in kinds()]; "
    names, modules = outcome(code + "print(json.dumps([found, list(sys.modules)]), file=sys.stderr)")
    assert ".csv tables" in names
    assert {"numpy", "pyarrow", "compressor.data.tables", *HEAVY} & set(modules) == set()


def test_importing_the_package_imports_next_to_nothing():
    _, modules = outcome("import compressor, json, sys; print(json.dumps([0, list(sys.modules)]), file=sys.stderr)")
    ours = [name for name in modules if name.startswith("compressor")]
    assert ours == ["compressor"]
    assert {"pydantic", "yaml", "rich", "numpy", "pluggy", "click", *HEAVY} & set(modules) == set()
