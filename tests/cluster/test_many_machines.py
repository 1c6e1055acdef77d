"""Searches and runs on real Ray clusters, whose nodes do not share the disk with the command."""

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import search_kills
from ray_machines import descendants
from tiny_recipes import HEAD

pytestmark = pytest.mark.long
SLOW = """\
import os
import signal
import time

import compressor
from pydantic import Field


class Slow(compressor.Strategy):
    '''Takes its time, or takes the process down.'''

    name = "slow"

    class Params(compressor.Params):
        number: int = Field(0, ge=0, le=99, description="makes trials differ")
        seconds: float = Field(0, ge=0, description="that it takes")
        crashes: int = Field(-1, description="the number with which it takes the process down")

    def plan(self, state):
        return state.require(format="keras")

    def apply(self, model, context):
        time.sleep(self.params.seconds)
        if self.params.number == self.params.crashes:
            os.kill(os.getpid(), signal.SIGSEGV)
        return model


@compressor.hookimpl
def strategies():
    return [Slow]
"""
OPEN = HEAD + (
    "plugins: [./slow.py]\n"
    "steps:\n"
    "  - {uses: slow, with: {number: {search: [0, 1, 2, 3, 4, 5]}, seconds: SECONDS, crashes: CRASHES}}\n"
    "  - {uses: ptq, with: {precision: int8, calibration_samples: 20}}\n"
)
ON = ("--task-cpus", "1")


def open_recipe(tiny, seconds=0.0, crashes=-1):
    Path("slow.py").write_text(SLOW)
    return tiny(OPEN.replace("SECONDS", str(seconds)).replace("CRASHES", str(crashes)))


def trials_of(folder):
    """What was tried and what came of it, without how long it took."""
    trials = json.loads((Path(folder) / "front/front.json").read_text())["trials"]
    return [{key: value for key, value in trial.items() if key != "seconds"} for trial in trials]


def begin(*arguments, **environment):
    command = [sys.executable, "-m", "compressor", *map(str, arguments)]
    known = {**os.environ, **environment}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=known)


def read_until(stream, pattern):
    """Read lines until one matches; the match, and all lines."""
    lines = []
    for line in stream:
        lines.append(line)
        if found := re.search(pattern, line):
            return found, lines
    raise AssertionError(f"no line has {pattern}: {''.join(lines)}")


def sha(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def workers_of(node):
    """The processes of trials on a node."""
    found = []
    for number in descendants(node.pid):
        with suppress(OSError):
            if b"search.worker_process" in Path(f"/proc/{number}/cmdline").read_bytes():
                found.append(number)
    return found


def test_two_machines_that_share_no_disk_try_what_two_workers_try(tiny, compressor, machines):
    recipe = open_recipe(tiny)
    here = compressor("search", recipe, "--sampler", "tpe", "--trials", 5, "--workers", 2, "-o", "here")
    assert here.returncode == 0, here.stderr
    machines.start_head(cpus=0)
    nodes = [machines.add(), machines.add()]
    how = ("--sampler", "tpe", "--trials", 5, "--on", f"ray://127.0.0.1:{machines.client_port}", *ON)
    there = compressor("search", recipe, *how, "-o", "there", "--json")
    assert there.returncode == 0, there.stderr
    assert json.loads(there.stdout)["trials"]  # one document
    assert trials_of("there") == trials_of("here")
    assert len({trial["number"] for trial in trials_of("there")}) == 5
    assert all((node.cache / "step").is_dir() for node in nodes)  # each has made steps of its own
    assert not Path("there/trial").exists()
    for point in json.loads(Path("here/front/front.json").read_text())["front"]:
        assert sha(f"there/{point['run']}/model.tflite") == sha(f"here/{point['run']}/model.tflite")


def test_a_trial_whose_machine_is_killed_runs_again_and_none_is_lost_or_counted_twice(tiny, machines):
    recipe = open_recipe(tiny, seconds=6.0)
    machines.start_head(cpus=0)
    nodes = [machines.add(), machines.add()]
    on = ("--on", "ray", *ON, "--workers", 2, "--sampler", "grid", "-o", "s")
    search = begin("search", recipe, *on, RAY_ADDRESS=machines.address)
    first, lines = read_until(search.stderr, r"trial 1: on \S+ \((\w+)\)")
    _, more = read_until(search.stderr, r"trial 1  size")
    (busy,) = (node for node in nodes if workers_of(node))
    trial, again = read_until(search.stderr, rf"trial (\d): on \S+ \({first[1]}\)")
    _, last = read_until(search.stderr, rf"trial {trial[1]}: slow")
    time.sleep(1)  # in mid-trial
    machines.kill(busy)
    _, err = search.communicate(timeout=400)
    told = "".join([*lines, *more, *again, *last]) + err
    assert search.returncode == 0, told
    place = r"\S+ \(\w+\)"
    begun = re.findall(rf"warning: trial (\d) begins again on {place}, since its process on {place} was lost", told)
    trials = trials_of("s")
    assert begun == [trial[1]], told
    assert [trial["number"] for trial in trials] == [1, 2, 3, 4, 5, 6]
    assert [trial["state"] for trial in trials] == ["done"] * 6
    assert [trial["assignment"]["steps.slow.with.number"] for trial in trials] == [0, 1, 2, 3, 4, 5]
    assert all(len(re.findall(rf"trial {number}  size", told)) == 1 for number in range(1, 7))


def test_a_trial_that_crashes_has_failed_once_and_is_not_begun_again(tiny, compressor, machines):
    recipe = open_recipe(tiny, crashes=2)
    machines.start_head(cpus=1)
    on = ("--on", f"ray://127.0.0.1:{machines.client_port}", *ON, "--sampler", "grid", "--trials", 4, "-o", "s")
    done = compressor("search", recipe, *on)
    assert done.returncode == 0, done.stderr
    failed = [trial for trial in trials_of("s") if trial["state"] == "failed"]
    assert [trial["number"] for trial in failed] == [3]
    assert "crashed (SIGSEGV)" in failed[0]["reason"]
    assert "begins again" not in done.stderr


def test_an_interrupt_cancels_what_runs_and_resume_goes_on_here_or_there(tiny, compressor, machines):
    recipe = open_recipe(tiny, seconds=3.0)
    head = machines.start_head(cpus=2)
    address = f"ray://127.0.0.1:{machines.client_port}"
    search = begin("search", recipe, "--on", address, *ON, "--sampler", "grid", "-o", "s")
    _, lines = read_until(search.stderr, r"trial 4 begins")  # after one of two trials was kept
    search.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, err = search.communicate(timeout=60)
    assert search.returncode == 130, err
    assert time.monotonic() - began < 15
    assert "interrupted" in err and "killed" not in err
    until = time.monotonic() + 20
    while workers_of(head) and time.monotonic() < until:  # idle ones end with Ray's own
        time.sleep(0.5)
    assert not workers_of(head)
    there = compressor("search", recipe, "--on", address, *ON, "--sampler", "grid", "--resume", "s")
    assert there.returncode == 0, there.stderr
    trials = trials_of("s")
    assert [(trial["number"], trial["state"]) for trial in trials] == [(number, "done") for number in range(1, 7)]
    finished = re.findall(r"trial (\d)  size", "".join(lines))
    assert len(finished) == 2
    assert not set(finished) & set(re.findall(r"trial (\d) begins", there.stderr))


def test_recipes_and_seeds_run_on_machines_and_their_folders_come_back(tiny, compressor, machines):
    Path("slow.py").write_text(SLOW)
    ptq = HEAD.replace("tiny.", "../tiny.") + "steps: [{uses: ptq, with: {precision: PRECISION}}]\n"
    for name in ("int8", "float16", "dynamic"):  # the last one has nothing to quantize, and fails
        tiny(ptq.replace("PRECISION", name).replace("name: tiny", f"name: {name}"), f"recipes/{name}.yaml")
    here = compressor("apply", "recipes", "-o", "here", "--quiet")
    machines.start_head(cpus=0)
    machines.add()
    machines.add()
    on = ("--on", f"ray://127.0.0.1:{machines.client_port}", *ON)
    there = compressor("apply", "recipes", *on, "-o", "there", "--json")
    assert (here.returncode, there.returncode) == (4, 4), there.stderr
    told = {one["recipe"]: one for one in json.loads(there.stdout)["recipes"]}
    assert {name: one["exit_code"] for name, one in told.items()} == {"dynamic": 4, "float16": 0, "int8": 0}
    assert "converter quantizes only weight tensors" in told["dynamic"]["error"]
    for name in ("float16", "int8"):
        for file in ("model.tflite", "recipe.yaml", "lock.yaml", "stages/1-ptq.tflite"):
            assert sha(f"there/{name}/{file}") == sha(f"here/{name}/{file}"), file
        assert Path(f"there/{name}/run.log").exists() and not Path(f"there/{name}/.running.lock").exists()
    seeds = compressor("apply", "recipes/int8.yaml", "--seeds", 3, *on, "-o", "seeds")
    assert seeds.returncode == 0, seeds.stderr
    assert len(json.loads(Path("seeds/seeds.json").read_text())["reports"]) == 3
    assert sha("seeds/seed-0/model.tflite") == sha("here/int8/model.tflite")


def test_a_compression_on_a_cluster_keeps_the_best_model_here(tiny, compressor, machines):
    machines.start_head(cpus=0)
    machines.add()
    on = ("--on", f"ray://127.0.0.1:{machines.client_port}", *ON, "--trials", 3, "--max-drop", "20%", "-o", "c")
    done = compressor("compress", "tiny.keras", "--data", "tiny.npz", *on, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert Path("c/best/model.tflite").stat().st_size < 5000


def test_a_head_that_dies_in_mid_search_ends_it_with_a_message(tiny, machines):
    recipe = open_recipe(tiny, seconds=4.0)
    head = machines.start_head(cpus=2)
    search = begin("search", recipe, "--on", f"ray://127.0.0.1:{machines.client_port}", *ON, "-o", "s")
    read_until(search.stderr, r"trial 1  size")
    machines.kill(head)
    _, err = search.communicate(timeout=150)
    assert search.returncode in (1, 4), err
    assert "no longer answers" in err


def test_a_machine_that_is_killed_at_a_random_moment_changes_nothing_on_the_front(tmp_path, monkeypatch, tensorflow):
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE"):
        monkeypatch.setenv(name, "")
    searches = search_kills.Searches(tmp_path)
    longest = searches.finish("whole")
    assert search_kills.node_kills(searches, 1, random.Random(1), "whole", longest) == 1
    assert searches.faults == []
