"""`compressor doctor`: what is broken or does not fit together is named, with what mends it."""

import json
import sys
from importlib.metadata import version

import pytest
from fake_distributions import SHAVE

from compressor.cli import deep_checks
from compressor.models.packing import compiled_coder

VERSION = version("compressor")


@pytest.fixture
def pretend(tmp_path, monkeypatch):
    """A function that puts the metadata of another version of a library in front of the real one."""

    def make(name, other, requires=()):
        info = tmp_path / "front" / f"{name.replace('-', '_')}-{other}.dist-info"
        info.mkdir(parents=True)
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            f"Version: {other}",
            *(f"Requires-Dist: {r}" for r in requires),
        ]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(tmp_path / "front")

    return make


def found(run, *options):
    code, out, err = run("doctor", "--json", *options)
    report = json.loads(out)
    assert err == ""
    assert code == (0 if report["ok"] else 1)
    return report["checks"]


def troubles(checks):
    return [(one["name"], one["status"], one["found"], one["remedy"]) for one in checks if one["status"] != "ok"]


def test_an_installation_in_order_is_told_in_full_and_quickly(run):
    code, out, err = run("doctor")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert f"✓ tensorflow: {version('tensorflow')}" in lines
    assert f"✓ plugin: compressor {VERSION}: 15 strategies, 4 data sets, 5 models, 22 metrics, 3 trackers" in lines
    assert lines[-1] == "no problems, no warnings"
    names = ["plugin", "coders", "cache", "disk", "memory", "threads", "GPU"]
    assert [line.split(":")[0][2:] for line in lines[-8:-1]] == names
    assert "✓ coders: compiled" in lines


def test_it_imports_no_tensorflow(run):
    before = "tensorflow" in sys.modules
    run("doctor")
    assert ("tensorflow" in sys.modules) == before


def test_coders_that_are_not_compiled_are_told_with_the_reason(run, monkeypatch):
    slow = "packages are coded by Python, which takes about a hundred times as long as compiled code, since "
    monkeypatch.setenv("COMPRESSOR_WITHOUT_COMPILED", "1")
    assert troubles(found(run)) == [("coders", "warning", f"{slow}COMPRESSOR_WITHOUT_COMPILED is set", "unset it")]
    monkeypatch.setenv("COMPRESSOR_WITHOUT_COMPILED", "0")
    monkeypatch.setattr(compiled_coder, "_proven_library", lambda: None)
    remedy = "install a C compiler, then install compressor again"
    assert troubles(found(run)) == [("coders", "warning", f"{slow}that was not built", remedy)]


def test_a_library_of_another_version_is_told_with_the_command_that_mends_it(run, pretend):
    pretend("tf-keras", "2.15.0")
    assert troubles(found(run)) == [
        (
            "tf-keras",
            "problem",
            "2.15.0, and compressor needs <2.22,>=2.21",
            'python -m pip install "tf-keras<2.22,>=2.21"',
        )
    ]


def test_libraries_are_held_against_each_other_too(run, pretend):
    pretend("tensorflow", "2.21.9", ["protobuf>=99", "no-such-library>=2", "other; extra == 'more'"])
    problems = [one for one in troubles(found(run)) if "tensorflow 2.21.9" in one[2]]
    assert problems == [
        (
            "protobuf",
            "problem",
            f"{version('protobuf')}, and tensorflow 2.21.9 needs >=99",
            'python -m pip install "protobuf>=99"',
        ),
        (
            "no-such-library",
            "problem",
            "not installed, and tensorflow 2.21.9 needs it",
            'python -m pip install "no-such-library>=2"',
        ),
    ]


def test_a_module_that_hides_a_library_is_named(run, tmp_path, monkeypatch):
    (tmp_path / "litert_quantizer.py").write_text("")
    monkeypatch.delitem(sys.modules, "litert_quantizer", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert troubles(found(run)) == [
        (
            "litert-quantizer",
            "problem",
            f"{version('litert-quantizer')} is hidden by {tmp_path / 'litert_quantizer.py'}",
            "rename it, or take its folder off PYTHONPATH",
        )
    ]


def test_plugins_that_are_broken_or_clash_are_told(run, install):
    install("acme", "import no_such_module")
    install("beta", SHAVE.replace("shave", "prune"))
    assert troubles(found(run)) == [
        (
            "plugin",
            "problem",
            "acme (acme 1.0): ModuleNotFoundError: No module named 'no_such_module'",
            "fix the plugin, or remove it",
        ),
        (
            "plugin",
            "warning",
            f"several plugins bring a strategy named 'prune': beta 1.0 and compressor {VERSION}",
            "'prune' stands for compressor's own; write 'beta:prune' for the other",
        ),
    ]


def test_a_default_that_a_plugin_refuses_itself_is_told_before_any_recipe_uses_it(run, install):
    params = 'name = "shave"\n    class Params(compressor.Params):\n        depth: int = "deep"'
    install("acme", SHAVE.replace('name = "shave"', params))
    (problem,) = troubles(found(run))
    assert problem[2] == (
        "the default of 'depth' of the strategy 'shave' (acme 1.0) is wrong (Input should be a valid integer)"
    )


def test_a_cache_that_cannot_be_written_is_a_problem(run, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "file"))
    code, out, _ = run("doctor")
    assert code == 1
    assert f"✗ cache: {tmp_path}/file cannot be written (Not a directory)\n    name a folder of yours" in out
    assert out.endswith("\n1 problem, no warnings\n")


def test_deep_checks_name_what_cannot_be_imported_or_ends_the_process(run, tmp_path, monkeypatch):
    (tmp_path / "crashing.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    modules = {"json": "json", "no_such_module": "nothing", "crashing": "crash", "wave": "wave"}
    monkeypatch.setattr(deep_checks, "_MODULES", modules)
    checks = found(run, "--deep")
    again = "its processor may lack what the library needs"
    assert troubles(checks) == [
        (
            "import",
            "problem",
            "no_such_module cannot be imported (ModuleNotFoundError: No module named 'no_such_module')",
            f"python -m pip install --force-reinstall nothing; {again}",
        ),
        (
            "import",
            "problem",
            "the import of crashing ended the process (SIGSEGV)",
            f"python -m pip install --force-reinstall crash; {again}",
        ),
    ]
    assert any(one["found"].startswith("json in ") for one in checks)
