"""The key of a registered class is that of the code that runs, whatever becomes of its file."""

import importlib
import sys
import time

import pytest

import compressor
from compressor.base import process_start
from compressor.planning import registered
from compressor.run.cache import code_digest
from compressor.run.cache.code_digest import code_digest as digest_of

CODE = """
import compressor

import pinned_helper


class Shave(compressor.Strategy):
    name = "shave"
    factor = {factor}

    def plan(self, state):
        return state

    def apply(self, model, context):
        return model
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The file of a module with a strategy; it imports another one beside it."""
    monkeypatch.setattr(registered, "_registered", {})
    monkeypatch.setattr(code_digest, "_pinned", {})
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "pinned_helper.py").write_text("FACTOR = 2")
    path = tmp_path / "pinned_strategy.py"
    path.write_text(CODE.format(factor=2))
    yield path
    for name in ("pinned_strategy", "pinned_helper"):
        sys.modules.pop(name, None)


@pytest.fixture
def unedited(module, monkeypatch):
    """The module, imported by a process that began after its file was written."""
    time.sleep(0.02)  # the resolution of times of files
    monkeypatch.setattr(process_start, "PROCESS_START", time.time())
    return importlib.import_module("pinned_strategy")


def test_a_registered_class_keeps_its_key_when_its_file_is_edited(unedited, module):
    compressor.register(unedited.Shave)
    before = digest_of("pinned_strategy")
    assert before == digest_of.__wrapped__("pinned_strategy")
    module.write_text(CODE.format(factor=3))
    assert digest_of("pinned_strategy") == before != digest_of.__wrapped__("pinned_strategy")


@pytest.mark.parametrize("name", ["pinned_strategy.py", "pinned_helper.py"])
def test_a_class_whose_file_was_edited_before_it_was_registered_is_never_found_in_the_cache(unedited, module, name):
    file = module.with_name(name)
    file.write_text(file.read_text().replace("2", "3"))
    compressor.register(unedited.Shave)
    first, second = digest_of("pinned_strategy"), digest_of("pinned_strategy")
    assert first.startswith("unknown ")
    assert first != second


def test_a_class_of_a_notebook_is_never_found_in_the_cache(module):
    code = {"plan": lambda self, state: state, "apply": lambda self, model, context: model}
    compressor.register(
        type("Cell", (compressor.Strategy,), {"name": "cell", "__module__": "no_such_notebook", **code})
    )
    first, second = digest_of("no_such_notebook"), digest_of("no_such_notebook")
    assert first.startswith("unknown ")
    assert first != second


def test_what_one_class_is_registered_for_changes_no_key_of_another(unedited, module):
    compressor.register(unedited.Shave)
    before = digest_of("pinned_strategy")
    module.write_text(CODE.format(factor=3))
    other = type("Other", (unedited.Shave,), {"name": "other", "__module__": "elsewhere"})
    compressor.register(other)
    assert digest_of("pinned_strategy") == before
