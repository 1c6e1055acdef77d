"""`status.json` in the folder of a run, and what is made of the folders of runs and searches."""

import json
import os
import subprocess
import sys
from datetime import datetime

import pytest
from filelock import FileLock
from run_folders import metric, right, stage, write_run

import compressor
from compressor.base.process_identity import is_alive, own_identity
from compressor.report.report_model import FullStageRow
from compressor.run import status_file
from compressor.run.found_runs import found_runs
from compressor.run.run_folder import CLAIM
from compressor.run.status_file import STATUS, RunStatus, search_status

DEAD = "its process was killed, or the machine went down; the same command goes on from there"


@pytest.fixture(scope="module")
def plan():
    return compressor.plan("prune_qat")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "runs" / "prune_qat" / "first"
    made.mkdir(parents=True)
    return made


def status(folder):
    return json.loads((folder / STATUS).read_text())


def only(tmp_path):
    [row] = found_runs(tmp_path).entries
    return row


def a_stage(name="prune", **figures):
    return FullStageRow.model_validate(stage({"accuracy": metric(right(9_800))}, id=name, **figures))


def test_a_run_is_running_from_its_beginning_and_tells_how_far_it_is(plan, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(status_file, "_BETWEEN", 0)
    told = RunStatus(folder, plan)
    row = only(tmp_path)
    assert (row.kind, row.name, row.state, row.step, row.steps) == ("run", "prune_qat", "running", None, None)
    assert (row.host, row.pid) == (own_identity()["host"], os.getpid())
    assert abs(datetime.fromisoformat(row.started).timestamp() - datetime.now().timestamp()) < 60
    told.run_started(plan, {"train": 1000})
    told.step_started("baseline")
    assert (only(tmp_path).step, only(tmp_path).step_number, only(tmp_path).steps) == ("baseline", 1, 4)
    told.training_started("baseline", 2, 10)
    for batch in range(3):
        told.batch_finished("baseline", 0, batch, {})
    assert 0 <= only(tmp_path).seconds_left < 60
    told.step_finished(a_stage("baseline"))
    told.step_started("prune")
    row = only(tmp_path)
    assert (row.step, row.step_number, row.bytes) == ("prune", 2, 23_336)
    assert (row.metric, row.metric_name, row.metric_is_share) == (0.98, "accuracy", True)
    told.run_finished(None)
    assert (only(tmp_path).state, only(tmp_path).seconds_left, only(tmp_path).message) == ("finished", None, "")


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        ("KeyboardInterrupt", "interrupted", ""),
        ("the step 'qat' failed with password=hunter22; mend it", "failed", "the step 'qat' failed with "
         "password=***; mend it"),
    ],
)  # fmt: skip
def test_how_a_run_ended_is_told_without_secrets(plan, folder, tmp_path, error, state, message):
    RunStatus(folder, plan).run_failed(plan, error)
    assert (only(tmp_path).state, only(tmp_path).message) == (state, message)


def test_a_status_that_cannot_be_written_stops_nothing(plan, tmp_path):
    RunStatus(tmp_path / "gone", plan).run_finished(None)
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_process_was_killed_is_dead_and_not_running(folder, tmp_path):
    code = (
        "import compressor, os, signal, sys; from pathlib import Path; "
        "from compressor.run.status_file import RunStatus; "
        "RunStatus(Path(sys.argv[1]), compressor.plan('ptq')); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)], timeout=120).returncode == -9
    assert status(folder)["state"] == "running"
    assert (only(tmp_path).state, only(tmp_path).message) == ("dead", DEAD)


def test_another_process_with_the_same_number_is_not_the_run(plan, folder, tmp_path):
    RunStatus(folder, plan)
    (folder / STATUS).write_text(json.dumps({**status(folder), "process_started": 1}))
    assert only(tmp_path).state == "dead"
    assert is_alive(**own_identity_of(os.getpid())) is True


def own_identity_of(pid):
    known = own_identity()
    return {"host": known["host"], "pid": pid, "started": known["process_started"]}


def test_of_another_machine_the_lock_tells(plan, folder, tmp_path):
    RunStatus(folder, plan)
    (folder / STATUS).write_text(json.dumps({**status(folder), "host": "elsewhere"}))
    assert only(tmp_path).state == "dead"
    with FileLock(folder / CLAIM):
        assert only(tmp_path).state == "running"


def test_a_run_that_has_its_report_is_finished_even_if_it_was_killed_then(plan, folder, tmp_path):
    RunStatus(folder, plan)
    (folder / STATUS).write_text(json.dumps({**status(folder), "process_started": 1}))
    (folder / "report.json").write_text("{}")
    assert only(tmp_path).state == "finished"


def test_folders_of_earlier_versions_are_told_by_what_they_hold(tmp_path):
    runs = tmp_path / "runs" / "prune_qat"
    write_run(runs / "done", right(9_800))
    for name in ("cut", "killed"):
        (runs / name / "stages").mkdir(parents=True)
        (runs / name / "run.log").write_text("")
    (runs / "killed" / CLAIM).write_text("")
    rows = {row.folder.rpartition("/")[2]: row for row in found_runs(tmp_path).entries}
    assert {name: row.state for name, row in rows.items()} == {
        "done": "finished", "cut": "interrupted", "killed": "dead",
    }  # fmt: skip
    done = rows["done"]
    assert (done.name, done.step, done.steps, done.bytes) == ("prune_qat", "ptq", 1, 23_336)
    assert (done.metric, done.metric_name, done.started) == (0.98, "accuracy", "2026-11-24T22:39:11+00:00")
    assert rows["cut"].name == "prune_qat"


def test_other_folders_and_damaged_files_are_no_runs(tmp_path):
    for name, content in {
        "a": "{",
        "b": "[]",
        "c": '{"state": "running"}',
        "d": '{"kind": "run", "steps": "x"}',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / STATUS).write_text(content)
    (tmp_path / "e" / "stages").mkdir(parents=True)
    assert [(row.folder, row.state) for row in found_runs(tmp_path).entries] == [(str(tmp_path / "d"), "interrupted")]


def test_the_folders_of_several_seeds_are_runs_of_their_recipe(plan, tmp_path):
    for seed in range(2):
        made = tmp_path / "runs" / "prune_qat" / "first" / f"seed-{seed}"
        made.mkdir(parents=True)
        RunStatus(made, plan)
    assert [row.name for row in found_runs(tmp_path).entries] == ["prune_qat", "prune_qat"]


def test_a_search_tells_its_trials_and_how_it_ended(tmp_path):
    made = tmp_path / "searches" / "tiny" / "first"
    made.mkdir(parents=True)
    (made / "search.json").write_text('{"recipe": {"name": "tiny"}}')
    assert (only(tmp_path).kind, only(tmp_path).name, only(tmp_path).state) == ("search", "tiny", "interrupted")
    with search_status(made, "tiny", 20) as told:
        told.tried(7)
        row = only(tmp_path)
        assert (row.state, row.step_number, row.steps) == ("running", 7, 20)
        assert row.seconds_left >= 0
    assert only(tmp_path).state == "finished"
    with pytest.raises(ValueError, match="all trials"), search_status(made, "tiny", None):
        raise ValueError("all trials failed")
    assert (only(tmp_path).state, only(tmp_path).message) == ("failed", "all trials failed")


def killed_search(folder, **options):
    """A search whose process was killed while it kept its status."""
    (folder / "search.json").write_text('{"recipe": {"name": "tiny"}}')
    code = (
        "import os, signal, sys; from pathlib import Path; from compressor.run.status_file import search_status\n"
        "with search_status(Path(sys.argv[1]), 'tiny', 20, sys.argv[2]): os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", code, str(folder), "compressor search 'my tiny.yaml' --resume 'a b'"]
    assert subprocess.run(command, timeout=120, **options).returncode == -9


def test_of_a_search_that_was_killed_the_command_is_told_that_goes_on(tmp_path, monkeypatch):
    made = tmp_path / "searches" / "tiny" / "first"
    made.mkdir(parents=True)
    killed_search(made, cwd=tmp_path)
    row, command = only(tmp_path), "compressor search 'my tiny.yaml' --resume 'a b'"
    what = "its process was killed, or the machine went down; to go on, "
    assert (row.state, row.message) == ("dead", f"{what}in {tmp_path}, run: {command}")
    assert (row.resume, row.working_folder) == (command, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert only(tmp_path).message == f"{what}run: {command}"
    (made / STATUS).unlink()  # it was killed before it had one
    (made / CLAIM).touch()
    assert only(tmp_path).message == f"{what}give the same command with --resume {made}"
    with pytest.raises(KeyboardInterrupt), search_status(made, "tiny", 20, "compressor search x --resume y"):
        raise KeyboardInterrupt
    row = only(tmp_path)
    assert (row.state, row.message) == ("interrupted", "to go on, run: compressor search x --resume y")


@pytest.mark.parametrize("last", ["front/front.json", "best/report.json"])
def test_a_search_that_was_killed_when_it_went_on_is_dead_whatever_it_had_found_before(tmp_path, last):
    made = tmp_path / "searches" / "tiny" / "first"
    (made / last).parent.mkdir(parents=True)
    (made / last).write_text("{}")
    os.utime(made / last, (1, 1))
    killed_search(made)
    assert only(tmp_path).state == "dead"
    (made / last).write_text("{}")
    row = only(tmp_path)
    assert (row.state, row.message, row.resume) == ("finished", "", None)


def test_those_that_run_come_first_then_the_latest(plan, tmp_path):
    for name, started, ended in [("a", "2026-01-01", True), ("b", "2026-03-01", True), ("c", "2026-02-01", False)]:
        made = tmp_path / "runs" / name
        made.mkdir(parents=True)
        told = RunStatus(made, plan)
        if ended:
            told.run_finished(None)
        (made / STATUS).write_text(json.dumps({**status(made), "started": f"{started}T00:00:00+00:00"}))
    assert [row.folder[-1] for row in found_runs(tmp_path).entries] == ["c", "b", "a"]
