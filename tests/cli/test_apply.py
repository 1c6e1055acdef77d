"""`compressor apply`, as a person or a CI job calls it."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

RUN = [sys.executable, "-m", "compressor"]


def compressor(*arguments, cwd):
    environment = {**os.environ, "COMPRESSOR_CACHE": str(cwd / ".cache")}
    return subprocess.run([*RUN, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    cwd = tmp_path_factory.mktemp("a folder with spaces")
    return cwd, compressor("apply", "prune_qat", "--smoke", cwd=cwd)


def test_a_shipped_recipe_runs_by_its_bare_name_from_anywhere(run):
    cwd, done = run
    assert done.returncode == 0
    folder = next((cwd / "runs" / "prune_qat").iterdir())
    files = sorted(path.name for path in folder.iterdir())
    assert files == [
        "lock.yaml", "model.tflite", "recipe.yaml", "report.html", "report.json", "report.md", "run.log", "scores.npz",
        "stages", "status.json",
    ]  # fmt: skip


def test_the_screen_shows_the_plan_the_epochs_and_the_table_and_nothing_else(run):
    _, done = run
    stamp = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d) ")
    assert all(stamp.match(line) for line in done.stderr.splitlines())
    progress = [stamp.sub("", line) for line in done.stderr.splitlines()]
    assert progress[0] == ("prune_qat · mnist_cnn on mnist (384 train · 64 validation · 256 test) · seed 0 · smoke")
    assert progress[1] == "plan: baseline -> prune -> qat -> ptq"
    assert progress[2] == "baseline: training, 1 epoch of 2 steps"
    assert all(line.startswith(("baseline:", "prune:", "qat:", "ptq:")) for line in progress[2:])
    done_in = r"ptq: done in 0:\d\d · measured in 0:\d\d · 2\d\.\d kB · accuracy [\d.]+ % ±[\d.]+"
    assert re.fullmatch(done_in, progress[-1])
    words = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    stages = ["baseline", "prune", "qat", "ptq"]
    assert words[:2] == ["smoke", "stage"]
    assert [word for word in words if word in stages] == stages


def test_json_on_standard_output_is_the_report_and_nothing_else(tmp_path):
    done = compressor("apply", "ptq", "--smoke", "--json", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "report.json").read_text())


def test_the_resolved_recipe_beside_the_result_can_be_applied_again(run, tmp_path):
    cwd, _ = run
    folder = next((cwd / "runs" / "prune_qat").iterdir())
    recipe = str(folder / "recipe.yaml")
    again = compressor("apply", recipe, "--smoke", "--quiet", "-o", "again", cwd=tmp_path)
    assert again.returncode == 0
    assert (tmp_path / "again" / "model.tflite").read_bytes() == (folder / "model.tflite").read_bytes()


def test_an_output_folder_that_holds_something_is_refused_and_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    done = compressor("apply", "ptq", "--smoke", "-o", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: the folder out is not empty; name another one, or remove it\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_missed_constraint_ends_with_3_and_says_which(tmp_path):
    recipe = tmp_path / "strict.yaml"
    recipe.write_text(
        "extends: ptq\nmodel: {train: {epochs: 1}}\ntraining: {batch_size: 4096}\n"
        "constraints: {max_size: 1 kB, max_accuracy_drop: 1.0, min_accuracy: 0.0}\n"
    )
    done = compressor("apply", "strict.yaml", "--quiet", "-o", "out", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr == "error: constraints not met: max_size; change the recipe's steps, or relax them\n"
    assert "✗ max_size 1.0 kB, and is 23." in done.stdout
    assert "✓ max_accuracy_drop 100.00 pt" in done.stdout


def test_a_wrong_recipe_ends_with_1_before_a_folder_is_made(tmp_path):
    done = compressor("apply", "prune_qat", "--set", "steps.qat.uses=qta", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "--set steps.qat.uses=qta:1:16: error: unknown strategy 'qta'; did you mean 'qat'?\n"
        "    1 | steps.qat.uses=qta\n"
        "      |                ^^^\n"
    )
    assert not (tmp_path / "runs").exists()


def test_an_interrupt_ends_within_two_seconds_and_the_same_command_goes_on(tmp_path):
    environment = {**os.environ, "COMPRESSOR_CACHE": str(tmp_path / "cache"), "PYTHONUNBUFFERED": "1"}
    quick = ("--set", "model.train.epochs=3", "--set", "training.batch_size=256")
    command = [*RUN, "apply", "baseline", *quick, "-o"]
    cut = subprocess.Popen(
        [*command, "cut"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        # a shell starts background jobs deaf to interrupts, and that would be handed down
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for line in cut.stderr:
        if "epoch 1/3" in line:
            break
    time.sleep(0.5)
    start = time.monotonic()
    cut.send_signal(signal.SIGINT)
    rest = cut.stderr.read()
    assert cut.wait() == 130
    assert time.monotonic() - start < 2
    last = rest.splitlines()[-1]  # on a busy machine the step may be too late to hear
    assert last.startswith("interrupted")
    assert last.endswith("; finished steps are kept, and the same command resumes from there")
    assert "Traceback" not in rest
    done = subprocess.run([*command, "on"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 3)
    assert " baseline: going on after epoch 1, where an earlier run was cut\n" in done.stderr
    assert "epoch 1/3" not in done.stderr


def test_a_full_disk_is_told_and_nothing_half_written_is_left(tmp_path, monkeypatch):
    import compressor
    from compressor.base import atomic_files
    from compressor.base.errors import OutputError

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic_files.os, "fsync", full)
    with pytest.raises(OutputError) as error:
        compressor.apply("baseline", output=tmp_path / "out", smoke=True)
    mount = next(place for place in tmp_path.parents if place.is_mount())
    assert str(error.value) == (
        f"the disk at {mount} is full (No space left on device), "
        f"so that {tmp_path / 'out' / 'stages' / 'source.h5'} cannot be written; "
        "free some space there, and run the same command again"
    )
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["status.json"]


def test_a_disk_that_takes_no_more_is_told_and_with_more_room_the_run_goes_on(tmp_path):
    import resource

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # the QAT stage is larger

    environment = {**os.environ, "COMPRESSOR_CACHE": str(tmp_path / "cache")}
    command = [*RUN, "apply", "qat", "--smoke", "-q", "-o", str(tmp_path / "out")]
    full = subprocess.run(command, env=environment, capture_output=True, text=True, preexec_fn=limited)
    assert full.returncode == 1
    assert full.stderr.splitlines()[-1] == (
        f"error: {tmp_path / 'out' / 'stages' / '1-qat.h5'} cannot be read or written (File too large); "
        "raise the limit on the size of a file (ulimit -f), or use another disk, and run the same command again"
    )
    assert not (tmp_path / "out" / "report.json").exists()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole = subprocess.run([*command[:-1], str(tmp_path / "whole"), "--no-cache"], env=environment)
    assert whole.returncode == 0
    for name in ("model.tflite", "stages/0-baseline.tflite", "stages/1-qat.h5"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_several_seeds_go_with_neither_one_seed_nor_a_lock(tmp_path):
    done = compressor("apply", "ptq", "--seeds", "0,1", cwd=tmp_path)
    told = "'0,1' is no number of seeds; 3 runs the seeds 0, 1 and 2, and --seed 7 that one"
    assert (done.returncode, told in done.stderr) == (2, True)
    done = compressor("apply", "ptq", "--seeds", "3", "--seed", "7", cwd=tmp_path)
    assert done.returncode == 2
    assert "--seeds runs the seeds from 0 up; leave out --seed and --locked" in done.stderr


def test_a_module_that_lies_about_is_not_run_when_a_model_is_inspected(tmp_path, smoke_run):
    (tmp_path / "gzip.py").write_text("raise SystemExit('run')")
    code = "from pathlib import Path; from compressor.models.files.untrusted import refuse_harmful_litert as look; "
    model = str(smoke_run[1] / "model.tflite")
    done = subprocess.run(
        [sys.executable, "-P", "-c", code + f"look(Path({model!r})); print('read')"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("read\n", 0)
