"""The log of `--log-format json`: its lines are valid by the schema, and have the figures of the report."""

import io
import json
from datetime import datetime

import jsonschema
import pytest
from made_reports import made_report

import compressor
from compressor.base.event_log import events_to, log, log_message
from compressor.base.standard_output import tell
from compressor.contracts.observer import Observers
from compressor.report.log_events import EVENTS, LogEvent, log_schema
from compressor.report.progress import watching
from compressor.report.run_clock import RunClock
from compressor.report.run_events import RunEvents
from compressor.report.screen import Screen

RECIPE = {
    "version": 1,
    "name": "mine",
    "model": {"source": "mnist_cnn", "train": {"epochs": 2}},
    "data": {"source": "mnist"},
    "steps": [{"uses": "prune"}],
}
LOGS = {"loss": 0.5, "accuracy": 0.75, "val_loss": 0.25, "val_accuracy": 0.875}


@pytest.fixture
def logged():
    """A function that calls another one while the log is JSON: the events, each of which is valid."""

    def of(act):
        stream = io.StringIO()
        with events_to(stream):
            act()
        lines = stream.getvalue().splitlines()
        events = [json.loads(line) for line in lines]
        schema = log_schema()
        for line, event in zip(lines, events, strict=True):
            assert line.isascii()
            jsonschema.validate(event, schema)
            LogEvent.model_validate(event)
            assert datetime.fromisoformat(event["time"]).tzinfo is not None
            assert list(event)[:2] == ["time", "event"]
        return [{key: value for key, value in event.items() if key != "time"} for event in events]

    return of


def test_every_event_of_a_run_is_logged(logged):
    clock = RunClock()
    observer = Observers(clock, RunEvents("runs/1", clock))
    report = made_report()

    def act():
        observer.run_started(compressor.plan(RECIPE), {"train": 100, "validation": 10, "test": 20})
        observer.rehearsing()
        observer.rehearsed(1.23456)
        observer.step_started("baseline")
        observer.waiting("baseline")
        observer.training_started("baseline", 2, 10)
        observer.training_resumed("baseline", 1)
        observer.batch_finished("baseline", 1, 0, LOGS)
        observer.epoch_finished("baseline", 1, LOGS)
        observer.measuring("baseline")
        observer.step_finished(report.stages[0])
        observer.warned("a\nb\x1b[31m\u202e")
        observer.paused()
        observer.run_finished(report)
        observer.run_failed(compressor.plan(RECIPE), "KeyboardInterrupt")
        observer.run_failed(compressor.plan(RECIPE), "no such data; check the path")

    events = logged(act)
    for event in events:
        assert event.pop("run") == "runs/1"
    assert [event["event"] for event in events] == [
        "run_started", "rehearsed", "step_started", "waiting", "training_started", "training_resumed",
        "epoch_finished", "measuring", "step_finished", "warning", "run_finished", "run_failed", "run_failed",
    ]  # fmt: skip
    assert events[0] == {
        "event": "run_started", "recipe": "mine", "model": "mnist_cnn", "data": "mnist",
        "samples": {"train": 100, "validation": 10, "test": 20}, "seed": 0, "smoke": False,
        "steps": ["baseline", "prune"],
    }  # fmt: skip
    assert events[1] == {"event": "rehearsed", "seconds": 1.235}
    assert events[4] == {"event": "training_started", "step": "baseline", "epochs": 2, "batches": 10}
    assert events[5] == {"event": "training_resumed", "step": "baseline", "epoch": 1, "epochs": 2}
    epoch = events[6]
    assert {key: epoch[key] for key in ("step", "epoch", "epochs", "batches")} == {
        "step": "baseline", "epoch": 2, "epochs": 2, "batches": 10,
    }  # fmt: skip
    assert (epoch["loss"], epoch["metric"], epoch["metric_name"], epoch["figures"]) == (0.25, 0.875, "accuracy", LOGS)
    stage = report.stages[0]
    assert {key: events[8][key] for key in ("step", "cached", "bytes", "gzip_bytes", "metric", "metric_name")} == {
        "step": "baseline", "cached": False, "bytes": stage.bytes, "gzip_bytes": stage.gzip_bytes,
        "metric": stage.metrics["accuracy"].value, "metric_name": "accuracy",
    }  # fmt: skip
    assert (events[8]["seconds"], events[8]["measure_seconds"]) == (stage.seconds, stage.measure_seconds)
    assert events[9] == {"event": "warning", "message": "a\nb\x1b[31m\u202e"}
    last = report.stages[-1]
    assert (events[10]["bytes"], events[10]["missed"]) == (
        last.bytes, [row.name for row in report.constraints if not row.met],
    )  # fmt: skip
    assert events[10]["headline"] == "28% of the size, 9% zipped, for -0.37 pt of accuracy"
    assert (events[11]["message"], events[12]["message"]) == ("interrupted", "no such data; check the path")


def test_a_figure_that_json_has_no_number_for_is_null_or_left_out(logged):
    clock = RunClock()
    observer = Observers(clock, RunEvents("1", clock))
    logs = {"loss": float("nan"), "accuracy": float("inf")}
    (event,) = logged(lambda: observer.epoch_finished("train", 0, logs))
    assert event["figures"] == {"loss": None, "accuracy": None}
    assert "loss" not in event and "metric" not in event


def test_what_is_told_otherwise_is_an_event_by_its_first_word(logged):
    texts = [
        "error: it is gone; look",
        "Error: No such option",
        "warning: slow",
        "interrupted; finished steps are kept",
        "computed step by step",
        "",
        "errors were found",
    ]
    events = logged(lambda: [tell(text) for text in texts])
    assert events == [
        {"event": "error", "message": "it is gone; look"},
        {"event": "error", "message": "No such option"},
        {"event": "warning", "message": "slow"},
        {"event": "interrupted", "message": "interrupted; finished steps are kept"},
        {"event": "note", "message": "computed step by step"},
        {"event": "note", "message": "errors were found"},
    ]


def test_nothing_is_logged_where_the_log_is_not_json(capsys):
    log("note", message="a")
    log_message("b")
    tell("c")
    assert capsys.readouterr() == ("", "c\n")


def test_the_log_decides_how_a_run_is_shown(logged):
    screen = Screen(io.StringIO(), width=80)
    events = logged(lambda: watching(screen, quiet=False, run="runs/1").warned("a"))
    assert events == [{"event": "warning", "run": "runs/1", "message": "a"}]
    assert screen.file.getvalue() == ""
    watching(screen, quiet=False).warned("a")
    assert screen.file.getvalue().endswith(" warning: a\n")


def test_every_event_and_every_key_is_explained():
    assert all(EVENTS.values())
    assert all(field.description for field in LogEvent.model_fields.values())
    jsonschema.Draft202012Validator.check_schema(log_schema())
