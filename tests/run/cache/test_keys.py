"""Whatever can change a result changes its key, and nothing else does."""

import importlib
import sys
from dataclasses import replace

import pytest

import compressor
from compressor.contracts.execution_plan import Provider
from compressor.models.files import devices
from compressor.run.cache import keys
from compressor.run.cache.entry_file import key_of

RECIPE = {
    "version": 1,
    "name": "keys",
    "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
    "data": {"source": "mnist"},
    "steps": [{"uses": "prune", "with": {"final_sparsity": 0.5}}],
}


@pytest.fixture(autouse=True)
def threads_as_asked(monkeypatch):
    """Threads as in a process in which TensorFlow has not computed yet, whatever ran in this one."""
    monkeypatch.setattr(keys, "threads_in_use", lambda wanted: wanted)


def key(model="m", data="d", loaded=(), provider=None, recipe=RECIPE, **how):
    plan = compressor.plan(recipe, **how)
    step = plan.stages[-1]
    step = replace(step, provider=provider) if provider else step
    return key_of(keys.step_parts(step, model, loaded, data, plan))


def test_the_same_parts_make_the_same_key():
    assert key() == key()


def test_names_and_constraints_are_no_part_of_the_key():
    assert key(recipe={**RECIPE, "name": "other", "constraints": {"max_size": "1 MB"}}) == key()


@pytest.mark.parametrize(
    "change",
    [
        {"model": "n"},
        {"data": "e"},
        {"loaded": ["code of a layer"]},
        {"seed": 1},
        {"smoke": True},
        {"recipe": {**RECIPE, "threads": 4}},
        {"recipe": {**RECIPE, "runtime": {"distribute": "mirrored", "devices": 2}}},
        {"recipe": {**RECIPE, "runtime": {"mixed_precision": "bfloat16"}}},
        {"recipe": {**RECIPE, "steps": [{"uses": "prune", "with": {"final_sparsity": 0.6}}]}},
        {"provider": Provider("compressor", "99.0")},
        {"provider": Provider("another", "0.1.0")},
    ],
    ids=[
        "model",
        "data",
        "code",
        "seed",
        "smoke",
        "threads",
        "devices",
        "precision",
        "parameters",
        "version of the plugin",
        "plugin",
    ],
)
def test_every_part_changes_the_key(change):
    assert key(**change) != key()


def test_a_variable_that_changes_the_rounding_of_numbers_changes_every_key(monkeypatch):
    def every():
        plan = compressor.plan(RECIPE)
        parts = keys.measurement_parts("m", [], "state", "d", plan.metrics), keys.source_parts(plan)
        return [key(), *map(key_of, parts)]

    before = every()
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert all(one != other for one, other in zip(before, every(), strict=True))
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    monkeypatch.setenv("ONEDNN_VERBOSE", "1")  # which only prints
    assert every() == before


def test_another_number_of_threads_changes_the_keys_of_models_and_measurements():
    two, four = compressor.plan(RECIPE), compressor.plan(RECIPE, overrides=["threads=4"])
    assert key_of(keys.source_parts(two)) != key_of(keys.source_parts(four))
    measured = [keys.measurement_parts("m", [], "state", "d", two.metrics, threads=threads) for threads in (2, 4)]
    assert key_of(measured[0]) != key_of(measured[1])


def test_gpus_are_part_of_every_key_and_their_number_of_what_they_train(monkeypatch):
    shared = {**RECIPE, "runtime": {"distribute": "mirrored"}}
    plan = compressor.plan(RECIPE)

    def measured():
        return key_of(keys.measurement_parts("m", [], "state", "d", plan.metrics))

    none = key(), measured(), key(recipe=shared)
    monkeypatch.setattr(devices, "gpus", lambda: ["NVIDIA L4"])
    one = key(), measured(), key(recipe=shared)
    monkeypatch.setattr(devices, "gpus", lambda: ["NVIDIA L4"] * 2)
    two = key(), measured(), key(recipe=shared)
    assert len({*none, *one, *two}) == 9


@pytest.mark.parametrize("part", ["versions", "core_digest", "code_digest"])
def test_other_libraries_or_other_code_change_the_key(monkeypatch, part):
    before = key()
    monkeypatch.setattr(keys, part, lambda *_: {"numpy": "0.1"} if part == "versions" else "other")
    assert key() != before


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "site" / "keyed_plugin"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from keyed_plugin.shave import Shave\n")
    (folder / "shave.py").write_text("class Shave:\n    pass\n")
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setattr(keys, "code_digest", keys.code_digest.__wrapped__)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "keyed_plugin"]:
        del sys.modules[name]


def test_an_edit_anywhere_in_a_plugins_package_changes_its_digest(package):
    cls = importlib.import_module("keyed_plugin").Shave
    digests = {keys.code_digest(cls.__module__)}
    (package / "shave.py").write_text("class Shave:\n    more = 1\n")
    digests.add(keys.code_digest(cls.__module__))
    (package / "below").mkdir()
    (package / "below" / "new.py").write_text("")
    digests.add(keys.code_digest(cls.__module__))
    assert len(digests) == 3
    (package / "notes.txt").write_text("no code")
    assert keys.code_digest(cls.__module__) in digests


def test_a_namespace_package_is_known_by_the_package_within_it(tmp_path, monkeypatch):
    inner = tmp_path / "site" / "keyed_space" / "inner"
    inner.mkdir(parents=True)
    (inner / "__init__.py").write_text("class Mine:\n    pass\n")
    monkeypatch.syspath_prepend(inner.parent.parent)
    monkeypatch.setattr(keys, "code_digest", keys.code_digest.__wrapped__)
    module = importlib.import_module("keyed_space.inner").Mine.__module__
    before = keys.code_digest(module)
    assert before == keys.code_digest(module)
    (inner / "__init__.py").write_text("class Mine:\n    more = 1\n")
    assert keys.code_digest(module) != before


def test_code_without_a_file_never_makes_the_same_key_twice(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyed_notebook", type(sys)("keyed_notebook"))
    assert keys.code_digest("keyed_notebook") != keys.code_digest("keyed_notebook")


def test_moved_code_changes_the_digest(package):
    cls = importlib.import_module("keyed_plugin").Shave
    before = keys.code_digest(cls.__module__)
    (package / "shave.py").rename(package / "trim.py")
    assert keys.code_digest(cls.__module__) != before


def test_a_folders_digest_depends_on_names_and_contents(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a").write_text("1")
    first = keys.file_digest(folder)
    (folder / "a").write_text("2")
    second = keys.file_digest(folder)
    (folder / "a").rename(folder / "b")
    assert len({first, second, keys.file_digest(folder)}) == 3
