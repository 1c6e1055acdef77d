"""`--log-format json`: standard error is JSON from the first line to the last, whatever happens."""

import json
import os
import subprocess
import sys

import pytest
from fake_distributions import SHAVE, installer

from compressor.cli.log_format import values_of
from compressor.report.log_events import LogEvent

RUN = [sys.executable, "-m", "compressor"]


@pytest.fixture
def compressor(tmp_path):
    """A function that runs the tool: exit code, standard output, and the events without their times."""

    def call(*arguments, command=RUN, **environment):
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip
        events = [json.loads(line) for line in done.stderr.splitlines()]
        for event in events:
            LogEvent.model_validate(event)
            del event["time"]
        return done.returncode, done.stdout, events

    return call


def test_problems_of_a_recipe_are_events_with_their_places(compressor):
    code, out, events = compressor("apply", "ptq", "--set", "steps.ptq.uses=qta", "--log-format", "json")
    assert (code, out) == (1, "")
    assert events == [
        {
            "event": "error",
            "message": "unknown strategy 'qta'; did you mean 'qat'?",
            "file": "--set steps.ptq.uses=qta",
            "line": 1,
            "column": 16,
        },
        {"event": "ended", "exit_code": 1},
    ]


def test_other_errors_are_events(compressor, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    code, out, events = compressor("apply", "ptq", "-o", "out", "--log-format=json")
    assert (code, out) == (1, "")
    assert events == [
        {"event": "error", "message": "the folder out is not empty; name another one, or remove it"},
        {"event": "ended", "exit_code": 1},
    ]


def test_an_error_of_the_command_line_is_an_event(compressor):
    code, out, events = compressor("apply", "ptq", "--log-format", "json", "--sede", "1")
    assert (code, out) == (2, "")
    assert events[0]["message"].startswith("No such option '--sede'.")
    assert events == [{"event": "error", "message": events[0]["message"]}, {"event": "ended", "exit_code": 2}]


def test_what_a_plugin_prints_when_it_is_imported_is_an_event(compressor, tmp_path, monkeypatch):
    code = "import os\nos.write(1, b'one\\n')\nos.write(2, b'two \\xff\\n')\nprint('three')\n" + SHAVE
    installer(tmp_path, monkeypatch)("chatty", code)
    ending, out, events = compressor("apply", "nowhere.yaml", "--log-format", "json")
    assert (ending, out) == (1, "")
    recipe = tmp_path / "bad.yaml"
    recipe.write_text("extends: ptq\nsteps: [{uses: shavee}]\n")
    ending, out, events = compressor("apply", "bad.yaml", "--log-format", "json", PYTHONPATH=str(tmp_path / "site"))
    assert (ending, out) == (1, "")
    assert [event["event"] for event in events] == ["error", "output", "output", "output", "ended"]
    assert [event["message"] for event in events[1:4]] == ["one", "two \ufffd", "three"]


def test_a_process_that_is_killed_leaves_a_whole_log(compressor):
    code = (
        "import os, sys; from compressor.base.event_log import log; import compressor.cli.boundary as b; "
        "from compressor.cli import main; "
        "b.run_guarded = lambda *_: (log('note', message='a'), os.kill(os.getpid(), 9)); sys.argv[0] = 'x'; main()"
    )
    ending, _, events = compressor("apply", "ptq", "--log-format", "json", command=[sys.executable, "-c", code])
    assert ending == 4
    assert events == [
        {"event": "note", "message": "a"},
        {
            "event": "error",
            "message": "the run was killed (SIGKILL); if memory ran out, use a smaller batch_size or a larger machine",
        },
        {"event": "ended", "exit_code": 4},
    ]


def test_an_option_is_found_before_click_reads_the_command_line():
    assert values_of("--log-format", ["apply", "a", "--log-format", "json"]) == ["json"]
    assert values_of("--log-format", ["apply", "--log-format=text", "--log-format=json"]) == ["text", "json"]
    assert values_of("--log-format", ["apply", "--", "--log-format=json"]) == []
    assert values_of("--log-format", ["apply", "--log-format"]) == []


@pytest.mark.long
def test_a_whole_run_is_logged_with_the_figures_of_its_report(compressor, tmp_path):
    code, out, events = compressor("apply", "ptq", "--smoke", "--json", "--log-format", "json", "-o", "out")
    report = json.loads(out)
    assert code == 0
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert [event["event"] for event in events] == [
        "run_started", "step_started", "training_started", "epoch_finished", "measuring", "step_finished",
        "step_started", "measuring", "step_finished", "run_finished", "ended",
    ]  # fmt: skip
    assert {event["run"] for event in events[:-1]} == {"out"}
    stages = [event for event in events if event["event"] == "step_finished"]
    for event, stage in zip(stages, report["stages"], strict=True):
        assert (event["step"], event["bytes"], event["metric"]) == (
            stage["id"], stage["bytes"], stage["metrics"]["accuracy"]["value"],
        )  # fmt: skip
    assert events[-1] == {"event": "ended", "exit_code": 0}


def test_ci_logs_problems_the_events_of_its_runs_and_what_came_of_each_recipe(compressor, tmp_path):
    """The run that is tried fails before TensorFlow is imported, since its data is not there."""
    good = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\nsteps: [{uses: ptq}]\n"
    (tmp_path / "a.yaml").write_text(good.replace("ptq", "pqt"))
    (tmp_path / "b.yaml").write_text(good.replace("source: mnist}", "source: ./data.npz}"))
    (tmp_path / "data.npz").write_bytes(b"no data")
    code, out, events = compressor("ci", "a.yaml", "b.yaml", "--log-format", "json", GITHUB_STEP_SUMMARY="")
    assert code == 1
    assert out.splitlines()[-1].startswith("| `b.yaml` | ✓ | ")
    problem, tried, *others, last = events
    assert (problem["event"], problem["file"], problem["line"]) == ("error", "a.yaml", 4)
    assert tried == {"event": "recipe_tried", "file": "a.yaml", "valid": False, "changed": True}
    assert last == {"event": "ended", "exit_code": 1}
    assert others[0] == {"event": "note", "message": "compressor plan -- b.yaml"}
    assert [event["event"] for event in others].count("recipe_tried") == 1
    assert "data.npz" in next(event["message"] for event in others if event["event"] == "error")
    codes = (others[-1]["plan_exit_code"], others[-1]["run_exit_code"])
    assert (others[-1]["event"], others[-1]["file"], others[-1]["valid"], codes) == (
        "recipe_tried", "b.yaml", True, (0, 1),
    )  # fmt: skip


@pytest.mark.long
def test_ci_passes_on_the_events_of_a_run(compressor, tmp_path):
    good = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\nsteps: [{uses: ptq}]\n"
    (tmp_path / "a.yaml").write_text(good)
    code, _, events = compressor("ci", "a.yaml", "--log-format", "json")
    assert code == 0, events
    names = [event["event"] for event in events]
    assert names[:3] == ["note", "note", "run_started"] and names[-3:] == ["run_finished", "recipe_tried", "ended"]
    assert names.count("ended") == 1 and "step_finished" in names
    assert (events[-2]["plan_exit_code"], events[-2]["run_exit_code"]) == (0, 0)
