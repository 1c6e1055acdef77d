"""A run that trackers follow makes the same files by the same keys, whatever becomes of the trackers."""

import hashlib
import json
import re

import pytest
from fake_distributions import installer

import compressor
from compressor.contracts.observer import Observer
from compressor.planning.registry import Registry
from compressor.run.plugin_observers import plugin_hooks
from compressor.run.run_folder import claimed

TRACKERS = """
import compressor

told = []

class Listening(compressor.Tracker):
    name = "listening"
    def run_started(self, plan, folder, resolved_recipe): told.append(("started", resolved_recipe.split()[0]))
    def step_finished(self, stage, folder): told.append((stage.id, stage.cached))
    def run_finished(self, report, folder): told.append(("finished", (folder / "report.json").exists()))
    def run_failed(self, plan, error, folder, interrupted): told.append((error, interrupted))

class Breaking(compressor.Tracker):
    name = "breaking"
    def step_finished(self, stage, folder): raise OSError("http://me:letmein@there is away")
    def run_finished(self, report, folder): told.append("never")
    def run_failed(self, plan, error, folder, interrupted): told.append(("broke", interrupted))

class Needy(compressor.Tracker):
    name = "needy"
    needs = {"no_such_module": "acme[needy]", "json": "json"}

@compressor.hookimpl
def trackers(): return [Listening, Breaking, Needy]
"""
RECIPE = {
    "version": 1,
    "name": "followed",
    "model": {"source": "lenet_300_100", "train": {"epochs": 1}},
    "data": {"source": "mnist"},
    "steps": [{"uses": "ptq", "with": {"precision": "float16"}}],
}
FAILED = (
    "the tracker 'breaking' (acme 1.0) failed with OSError: http://***@there is away; "
    "it is told no more of this run, whose results are not affected"
)


class Told(Observer):
    def __init__(self):
        self.warnings = []

    def warned(self, text):
        self.warnings.append(text)


@pytest.fixture
def told(tmp_path, monkeypatch):
    installer(tmp_path, monkeypatch)("acme", TRACKERS)
    import acme

    return acme.told


def files_of(folder):
    paths = [folder / "model.tflite", folder / "lock.yaml", *sorted((folder / "stages").iterdir())]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_files_and_keys_are_those_of_a_run_that_nobody_follows_and_a_failure_is_told_once(told, tmp_path):
    compressor.apply(RECIPE, output=tmp_path / "plain", smoke=True)
    watching = Told()
    report, folder = compressor.apply(
        RECIPE, output=tmp_path / "followed", smoke=True, track=["listening", "breaking"], observer=watching
    )
    assert files_of(folder) == files_of(tmp_path / "plain")
    assert told == [
        ("started", "version:"), ("baseline", True), ("broke", False), ("ptq", True), ("finished", True),
    ]  # fmt: skip
    assert watching.warnings.count(FAILED) == 1
    notes = [note for stage in json.loads((folder / "report.json").read_text())["stages"] for note in stage["notes"]]
    assert notes.count(FAILED) == 1
    assert report.stages[-1].notes[-1] == FAILED
    assert "is told no more of this run" in (folder / "report.md").read_text()


@pytest.mark.parametrize(("error", "interrupted"), [("KeyboardInterrupt", True), ("the data is away", False)])
def test_a_tracker_is_told_whether_a_run_failed_or_was_interrupted(told, tmp_path, error, interrupted):
    from compressor.planning.asked_trackers import made_trackers, with_trackers

    registry = Registry.installed()
    registry = with_trackers(registry, made_trackers(registry, ["listening"], tmp_path))
    hooks = plugin_hooks(registry, tmp_path, Told().warned)
    hooks.run_failed(compressor.plan(RECIPE), error)
    assert told == [(error, interrupted)]


def test_a_tracker_that_is_not_there_is_refused_before_the_run(told, tmp_path):
    with pytest.raises(compressor.CompressorError) as caught:
        compressor.apply(RECIPE, output=tmp_path / "out", track=["listening", "listenning"])
    assert str(caught.value) == "there is no tracker 'listenning'; did you mean 'listening'?"
    assert caught.value.exit_code == 2
    with pytest.raises(compressor.PluginError) as caught:
        compressor.apply(RECIPE, output=tmp_path / "out", track=["needy"])
    assert str(caught.value) == (
        "the tracker 'needy' (acme 1.0) needs no_such_module, which is not installed; pip install 'acme[needy]'"
    )
    assert caught.value.exit_code == 1
    assert not (tmp_path / "out").exists()


def test_a_tracker_that_takes_too_long_has_failed(told, tmp_path, monkeypatch):
    from compressor.planning.asked_trackers import made_trackers, with_trackers

    monkeypatch.setattr("compressor.run.plugin_observers.LONGEST_EVENT", 0.05)
    monkeypatch.setattr("acme.Breaking.step_finished", lambda self, stage, folder: __import__("time").sleep(5))
    watching = Told()
    registry = Registry.installed()
    registry = with_trackers(registry, made_trackers(registry, ["breaking"], tmp_path))
    hooks = plugin_hooks(registry, tmp_path, watching.warned)
    hooks.step_finished(None)
    (warning,) = watching.warnings
    assert re.fullmatch(
        r"the tracker 'breaking' \(acme 1.0\) failed with OverdueError: it took more than 0.05 s;.*", warning
    )


def test_what_trackers_left_does_not_keep_a_run_from_going_on_in_its_folder(tmp_path):
    (tmp_path / "out" / "trackers" / "mlflow").mkdir(parents=True)
    with claimed(compressor.plan(RECIPE), tmp_path / "out") as folder:
        assert (folder / "trackers" / "mlflow").is_dir()
