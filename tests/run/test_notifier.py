"""Word of how a run ended: what it says, that it gives away no secret, and that nothing depends on it."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from made_reports import made_report
from web_servers import server

import compressor
from compressor.contracts.execution_plan import Provider
from compressor.planning.registry import Registry
from compressor.run import notifier as notifier_module
from compressor.run.notifier import Notifier
from compressor.run.plugin_observers import plugin_hooks

RECIPE = {
    "version": 1,
    "name": "mine",
    "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
    "data": {"source": "mnist"},
    "steps": [{"uses": "ptq"}],
}
UNHARMED = "the run and its results are not affected"


@pytest.fixture
def hooks(monkeypatch, tmp_path):
    """A function that gives the hooks of a run into `runs/1` that has a notifier, and what is warned of."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path)

    def of(*targets, **options):
        warnings = []
        notifier = Notifier(targets, **options)
        notifier.warn = warnings.append
        registry = Registry()
        registry.add(notifier, "--notify", Provider("compressor", "0.1.0"))
        return plugin_hooks(registry, tmp_path / "runs" / "1", warnings.append), warnings

    return of


def test_the_headline_and_the_figures_are_sent_when_a_run_is_done(hooks):
    report = made_report(constraints=[])
    with server() as (address, got):
        told, warnings = hooks(address)
        told.run_started(compressor.plan(RECIPE), {})
        told.run_finished(report)
    assert warnings == []
    ((_, _, notice),) = got
    assert datetime.fromisoformat(notice.pop("time")).tzinfo is not None
    headline = "28% of the size, 9% zipped, for -0.37 pt of accuracy"
    assert notice == {
        "event": "run_finished",
        "outcome": "done",
        "title": "compressor: made done",
        "text": f"compressor: made done: {headline}",
        "run": str(Path("runs") / "1"),
        "recipe": "made",
        "seed": 0,
        "smoke": False,
        "seconds": notice["seconds"],
        "headline": headline,
        "missed": [],
        "bytes": 23336,
        "gzip_bytes": 7264,
        "latency_p50": notice["latency_p50"],
        "metric": 0.9787,
        "metric_name": "accuracy",
        "figures": {"accuracy": 0.9787},
    }


def test_constraints_that_were_missed_are_sent(hooks):
    report = made_report(constraints=[{"name": "max_size", "limit": "1 kB", "actual": "2 kB", "met": False}])
    with server() as (address, got):
        hooks(address)[0].run_finished(report)
    notice = got[0][2]
    assert (notice["outcome"], notice["missed"]) == ("missed", ["max_size"])
    assert notice["text"].startswith("compressor: made missed: constraints not met: max_size; 28% of the size")


def test_an_error_is_sent_without_secrets(hooks, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "abcdefghi")
    with server() as (address, got):
        hooks(address)[0].run_failed(
            compressor.plan(RECIPE),
            f"no access to {os.path.expanduser('~')}/data by abcdefghi",  # noqa: PTH111
        )
    notice = got[0][2]
    assert (notice["event"], notice["outcome"], notice["seed"]) == ("run_failed", "failed", 0)
    assert notice["message"] == "no access to ~/data by ***"
    assert notice["text"] == "compressor: mine failed: no access to ~/data by ***"


def test_an_interrupt_is_sent_and_announced(hooks):
    announced = []
    with server() as (address, got):
        hooks(address, sending=lambda: announced.append(len(got)))[0].run_failed(
            compressor.plan(RECIPE), "KeyboardInterrupt"
        )
    notice = got[0][2]
    assert (notice["outcome"], notice["message"]) == ("interrupted", "interrupted")
    assert notice["text"] == "compressor: mine interrupted"
    assert announced == [0]


def test_a_notice_that_cannot_be_sent_is_told_and_changes_nothing(hooks, monkeypatch):
    monkeypatch.setattr(notifier_module, "SECONDS", 2.0)
    with server(500) as (address, _):
        told, warnings = hooks(f"{address}/services/secret")
        told.run_finished(made_report())
    assert warnings == [f"no notice was sent to {address}: it answered 500; {UNHARMED}"]


def test_a_desktop_that_shows_no_notices_is_told_when_the_run_begins(hooks, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    told, warnings = hooks("desktop")
    told.run_started(compressor.plan(RECIPE), {})
    reason = "there is none of notify-send, osascript, powershell on this machine"
    assert warnings == [f"no notice can be shown on the desktop: {reason}"]


def test_a_run_that_was_killed_is_sent_by_the_process_that_is_left():
    code = (
        "import os, sys; from functools import partial; from compressor.cli.child_process import supervised; "
        "from compressor.cli.notices import notify_of_death; "
        "sys.exit(supervised(lambda tell: os.kill(os.getpid(), 9), partial(notify_of_death, sys.argv[1:])))"
    )
    message = "the run was killed (SIGKILL); if memory ran out, use a smaller batch_size or a larger machine"
    for how in ("option", "variable"):
        with server() as (address, got):
            words = ["apply", "x.yaml", f"--notify={address}/hook"] if how == "option" else []
            environment = {**os.environ, "no_proxy": "127.0.0.1", "COMPRESSOR_NOTIFY": f"{address}/hook"}
            done = subprocess.run(
                [sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True, timeout=60
            )
        assert (done.returncode, done.stderr) == (4, f"error: {message}\n")
        assert json.loads(json.dumps(got[0][2])) == {
            "time": got[0][2]["time"],
            "event": "run_failed",
            "outcome": "killed",
            "title": "compressor: run killed",
            "text": f"compressor: run killed: {message}",
            "message": message,
        }
