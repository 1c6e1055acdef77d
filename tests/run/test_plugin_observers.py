"""Plugins that watch a run can neither change it nor end it, and one that fails is named."""

import os
from pathlib import Path

import pytest
from fake_distributions import installer

import compressor
from compressor.contracts.observer import Observer
from compressor.contracts.report_rows import ConstraintRow, Report
from compressor.planning.registry import Registry
from compressor.run.plugin_observers import plugin_hooks

TRACKER = """
import os
import compressor

seen = []

@compressor.hookimpl
def run_started(plan):
    plan.recipe.constraints.__dict__["max_size"] = 1
    plan.origins["model"] = "mine"
    seen.append(plan)

@compressor.hookimpl
def step_finished(stage):
    raise ValueError("the server is away")

@compressor.hookimpl
def run_finished(report):
    seen.append(len(report.constraints))
    report.constraints.clear()
    os.environ["TRACKER"] = "on"
"""
RECIPE = {
    "version": 1,
    "name": "watched",
    "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
    "data": {"source": "mnist"},
    "constraints": {"max_size": "1 MB"},
    "steps": [{"uses": "prune"}],
}


class Told(Observer):
    def __init__(self):
        self.warnings = []

    def warned(self, text):
        self.warnings.append(text)


@pytest.fixture
def install(tmp_path, monkeypatch):
    return installer(tmp_path, monkeypatch)


def report():
    return Report(
        recipe="r",
        description="",
        created="2026-01-01T00:00:00",
        seed=0,
        smoke=False,
        model="m",
        data="d",
        samples={},
        expects=[],
        stages=[],
        constraints=[ConstraintRow(name="max_size", limit="1 kB", actual="2 kB", met=False)],
        seconds=1,
        versions={},
        machine="",
    )


def test_each_hook_has_a_copy_of_its_own(install):
    install("tracker-one", TRACKER, "1.1")
    install("tracker-two", TRACKER, "2.2")
    observer = plugin_hooks(Registry.installed(), Path("runs/1"), (told := Told()).warned)
    plan, final = compressor.plan(RECIPE), report()
    before = plan.recipe.constraints.max_size
    observer.run_started(plan, {})
    observer.run_finished(final)
    assert (plan.recipe.constraints.max_size, "mine" in plan.origins.values()) == (before, False)
    assert [row.name for row in final.constraints] == ["max_size"]
    assert not final.met
    import tracker_one
    import tracker_two

    assert tracker_one.seen[1:] == tracker_two.seen[1:] == [1]
    assert "TRACKER" not in os.environ
    assert told.warnings == [
        f"the hook 'run_finished' of {who} changed the environment (TRACKER), which was put back"
        for who in ("tracker-one 1.1", "tracker-two 2.2")
    ]


def test_a_hook_that_fails_is_named_and_the_run_goes_on(install):
    install("tracker-one", TRACKER, "1.1")
    plugin_hooks(Registry.installed(), Path("runs/1"), (told := Told()).warned).step_finished(report())
    assert told.warnings == [
        "the hook 'step_finished' of tracker-one 1.1 failed with ValueError: the server is away; "
        "the run and its results are not affected"
    ]


def test_a_plan_that_cannot_be_copied_is_no_fault_of_the_hook(install):
    install("tracker-one", TRACKER, "1.1")
    install(
        "acme",
        """
import threading
import compressor
class Held(compressor.Strategy):
    name = 'held'
    def __init__(self, params):
        super().__init__(params)
        self.lock = threading.Lock()
    def plan(self, state): return state
    def apply(self, model, context): return model
@compressor.hookimpl
def strategies(): return [Held]
""",
    )
    observer = plugin_hooks(Registry.installed(), Path("runs/1"), (told := Told()).warned)
    observer.run_started(compressor.plan({**RECIPE, "steps": [{"uses": "held"}]}), {})
    assert told.warnings == [
        "plugins that watch runs are not told 'run_started', since the strategy 'held' (acme 1.0) cannot be copied for "
        "them (TypeError: cannot pickle '_thread.lock' object); the run and its results are not affected"
    ]
    import tracker_one

    assert tracker_one.seen == []


def test_a_plugin_that_cannot_be_loaded_is_told_in_every_run(install):
    install("tracker-one", "import no_such_module\n" + TRACKER, "1.1")
    plugin_hooks(Registry.installed(), Path("runs/1"), (told := Told()).warned)
    assert told.warnings == [
        "a broken plugin takes no part in this run: tracker_one (tracker-one 1.1): ModuleNotFoundError: "
        "No module named 'no_such_module'; fix the plugin, or remove it"
    ]


def test_a_plugin_that_ends_the_process_when_it_is_imported_is_a_broken_one(install):
    install("tracker-one", "import os\nos._exit(0)\n", "1.1")
    (broken,) = Registry.installed().broken
    assert str(broken) == "tracker_one (tracker-one 1.1): SystemExit: it called os._exit(0)"
    assert os._exit.__name__ == "_exit"


def test_a_tracker_gets_the_folder_of_the_results_and_may_ask_for_less(install):
    install(
        "tracker",
        """
import compressor
seen = []
@compressor.hookimpl
def run_started(plan, folder): seen.append((plan.recipe.name, str(folder)))
@compressor.hookimpl
def step_finished(folder): seen.append(str(folder))
@compressor.hookimpl
def run_finished(report): seen.append(report.recipe)
""",
    )
    observer = plugin_hooks(Registry.installed(), Path("runs/1"), (told := Told()).warned)
    observer.run_started(compressor.plan(RECIPE), {})
    observer.step_finished(report())
    observer.run_finished(report())
    import tracker

    assert (tracker.seen, told.warnings) == ([("watched", "runs/1"), "runs/1", "r"], [])


def test_a_run_that_fails_is_told_with_its_error_and_its_folder(install, tmp_path):
    install(
        "tracker",
        """
import compressor
seen = []
class Away(compressor.Dataset):
    'Data that is away.'
    name = 'away'
    def load(self): raise compressor.DataError("the server is away", "try again later")
@compressor.hookimpl
def datasets(): return [Away]
@compressor.hookimpl
def run_failed(plan, error, folder): seen.append((plan.recipe.name, error, str(folder)))
""",
    )
    recipe = {**RECIPE, "data": {"source": "away"}}
    with pytest.raises(compressor.DataError) as caught:
        compressor.apply(recipe, output=tmp_path / "out")
    import tracker

    assert str(caught.value) == "the data set 'away' (tracker 1.0): the server is away; try again later"
    assert tracker.seen == [("watched", str(caught.value), str(tmp_path / "out"))]
