"""Each module of the core and of the plugins, changed in turn: the keys that depend on it move, and no others do."""

from functools import cache
from pathlib import Path

import grimp
import pytest

import compressor
from compressor.base import hashing
from compressor.run.cache import code_digest, keys
from compressor.run.cache.entry_file import key_of

STRATEGIES = ("prune", "qat", "ptq", "mixed_precision", "pack")
BY_OTHER_MEANS = "compressor.run.cache"  # it decides what is in a key, which is another one when that changes
NEVER = (
    "api", "cli", "devices", "inspecting", "planning", "report", "run.engine", "run.forecast",
    "run.lockfile", "session",
)  # fmt: skip


@pytest.fixture(scope="module")
def graph():
    """Who imports whom, imports within functions too; those for type checking run no code."""
    return grimp.build_graph("compressor", "compressor_plugins", exclude_type_checking_imports=True)


@pytest.fixture(scope="module")
def files(graph):
    """Every module's file."""
    root = Path(compressor.__file__).parents[1]
    roots = {"compressor": root, "compressor_plugins": root / "plugins"}
    stems = {module: roots[module.partition(".")[0]] / module.replace(".", "/") for module in sorted(graph.modules)}
    return {
        module: stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py") for module, stem in stems.items()
    }


@pytest.fixture(scope="module")
def moved(files):
    """A function from a module to the names of the keys that are others once it has changed."""
    digest = cache(hashing.file_digest)
    plans = {name: compressor.plan(name) for name in STRATEGIES}

    def all_keys():
        code_digest.code_digest.cache_clear()
        code_digest.core_digest.cache_clear()
        found = {}
        for name, plan in plans.items():
            step = next(step for step in plan.stages if step.uses == name)
            found[name] = key_of(keys.step_parts(step, "model", [], "data", plan))
        plan = plans["prune"]
        found["measurement"] = key_of(keys.measurement_parts("model", [], "state", "data", plan.metrics))
        found["source"], found["data"] = key_of(keys.source_parts(plan)), key_of(keys.data_parts(plan))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code_digest, "file_digest", digest)
        before = all_keys()

        def changed(module):
            other = files[module]
            patch.setattr(code_digest, "file_digest", lambda path: "changed" if path == other else digest(path))
            after = all_keys()
            return {name for name in after if after[name] != before[name]}

        yield cache(changed)
    code_digest.code_digest.cache_clear()
    code_digest.core_digest.cache_clear()


def below(module, *rooms):
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def run_by(graph, *modules):
    """The modules that these run, themselves included; nothing that every key knows by other means."""
    found = set(modules).union(*(graph.find_upstream_modules(module) for module in modules))
    return {module for module in found if not below(module, BY_OTHER_MEANS)}


def strategy_module(name):
    return next(type(step.strategy).__module__ for step in compressor.plan(name).stages if step.uses == name)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_step_s_key_moves_with_every_module_that_making_it_runs(graph, moved, strategy):
    needed = run_by(graph, "compressor.run.stages.make_step", strategy_module(strategy))
    if strategy != "mixed_precision":  # which alone of these asks for scores
        needed = {module for module in needed if not below(module, "compressor.measure")}
    if strategy not in ("pack", "mixed_precision"):  # which start from a file
        needed = {module for module in needed if not below(module, "compressor.models.packing")}
    assert [module for module in sorted(needed) if strategy not in moved(module)] == []


def test_a_measurement_s_key_moves_with_every_module_that_measuring_runs(graph, moved):
    needed = run_by(graph, "compressor.run.stages.measure_stage", "compressor_plugins.metrics.classification")
    assert [module for module in sorted(needed) if "measurement" not in moved(module)] == []


def test_the_key_of_what_a_run_starts_from_moves_with_every_module_that_loading_it_runs(graph, moved):
    needed = run_by(graph, "compressor.run.stages.inputs", "compressor_plugins.models.mnist_cnn")
    assert [module for module in sorted(needed) if "source" not in moved(module)] == []


def test_what_shows_and_plans_moves_no_key(graph, moved):
    idle = [module for module in graph.modules if below(module, *(f"compressor.{room}" for room in NEVER))]
    assert len(idle) > 30
    assert {module: moved(module) for module in idle if moved(module)} == {}


def test_a_technique_moves_the_keys_of_its_own_steps_alone(graph, moved):
    for folder, strategies in {"prune": {"prune"}, "qat": {"qat"}, "ptq": {"ptq", "mixed_precision"}}.items():
        own = [module for module in graph.modules if below(module, f"compressor_plugins.{folder}")]
        assert len(own) > 3
        assert {module: moved(module) for module in own if moved(module) != strategies} == {}


def test_a_metric_moves_the_measurements_and_the_steps_that_ask_for_scores(graph, moved):
    metrics = [module for module in graph.modules if below(module, "compressor_plugins.metrics")]
    assert {frozenset(moved(module)) for module in metrics} == {frozenset({"measurement", "mixed_precision"})}


def test_what_a_data_set_runs_moves_the_key_of_the_data_alone(moved):
    assert moved("compressor_plugins.datasets.mnist") == {"data"}
