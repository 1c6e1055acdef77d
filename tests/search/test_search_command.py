"""`compressor search`, with real trials of a tiny net."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_recipes import HEAD, PTQ

BAD = """\
import compressor
from pydantic import Field


class Bad(compressor.Strategy):
    '''Fails for some values.'''

    name = "bad"

    class Params(compressor.Params):
        number: int = Field(0, ge=0, le=99, description="fails from 2 on")

    def plan(self, state):
        return state.require(format="keras")

    def apply(self, model, context):
        if self.params.number >= 2:
            raise compressor.StepError(f"number {self.params.number} is too large", "take a smaller one")
        return model


@compressor.hookimpl
def strategies():
    return [Bad]
"""


def sha(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_a_search_ends_with_plain_recipes_that_apply_makes_again_byte_for_byte(tiny, call):
    recipe = tiny(PTQ)
    code, out, err = call("search", recipe, "--sampler", "grid", "-o", "s")
    assert code == 0, err
    assert "tiny · 3 trials · 1 way to take steps, 1 open value, 3 recipes" in out
    assert "searching in s; if it is interrupted, add --resume s to go on" in err
    data = json.loads(Path("s/front/front.json").read_text())
    assert [trial["assignment"] for trial in data["trials"]] == [
        {"steps.ptq.with.precision": precision} for precision in ("int8", "dynamic", "float16")
    ]
    assert data["folder"] == "s"
    assert data["goals"] == [{"name": "size", "direction": "minimize"}, {"name": "accuracy", "direction": "maximize"}]
    assert data["front"]
    for point in data["front"]:
        path = Path("s") / point["recipe"]
        plain = yaml.safe_load(path.read_text())
        assert "objectives" not in plain and "search" not in json.dumps(plain["steps"])
        assert call("validate", path)[0] == 0
        assert call("apply", path, "-o", f"again-{path.stem}", "--no-cache")[0] == 0
        assert sha(f"again-{path.stem}/model.tflite") == sha(Path("s") / point["run"] / "model.tflite")
        report = json.loads((Path("s") / point["run"] / "report.json").read_text())
        assert report["stages"][-1]["metrics"]["accuracy"]["value"] == point["test"][1]
    assert Path("s/front/front.md").read_text().startswith("# Search of tiny\n\n3 trials of 1 way to take steps")
    assert not Path("s/trial").exists()
    code, _, err = call("search", recipe, "--sampler", "grid", "-o", "s", "--resume", "s")
    assert (code, " no trial is left to run; --trials counts those of before" in err) == (0, True), err


def test_trials_are_measured_on_the_validation_split(tiny, call):
    recipe = tiny(PTQ)
    assert call("search", recipe, "--sampler", "grid", "-o", "s")[0] == 0
    (first, *_) = json.loads(Path("s/front/front.json").read_text())["front"]
    on_validation = call("evaluate", f"s/{first['run']}/model.tflite", "--data", "swapped.npz", "--json")
    assert on_validation[0] != 0  # there is no such file yet
    import numpy as np

    arrays = dict(np.load("tiny.npz"))
    for kind in "xy":
        arrays[f"{kind}_test"] = arrays[f"{kind}_validation"]
    np.savez("swapped.npz", **arrays)
    text = Path(f"s/{first['recipe']}").read_text().replace("tiny.npz", "swapped.npz")
    Path("swapped.yaml").write_text(text)
    assert call("apply", "swapped.yaml", "-o", "swapped")[0] == 0
    report = json.loads(Path("swapped/report.json").read_text())
    assert report["stages"][-1]["metrics"]["accuracy"]["value"] == first["validation"][1]
    assert first["validation"][1] != first["test"][1]


def test_a_trial_that_fails_is_told_with_its_reason_and_the_search_goes_on(tiny, call):
    Path("bad.py").write_text(BAD)
    recipe = tiny(
        HEAD + "plugins: [./bad.py]\nsteps: [{uses: bad, with: {number: {search: [0, 5, 1]}}}, {uses: ptq}]\n"
    )
    code, _, err = call("search", recipe, "--sampler", "grid", "-o", "s")
    assert code == 0, err
    assert "number 5 is too large; take a smaller one" in err
    assert [trial["state"] for trial in json.loads(Path("s/front/front.json").read_text())["trials"]] == [
        "done", "failed", "done",
    ]  # fmt: skip


@pytest.mark.long  # test_trials.py has the same with made-up results
def test_if_all_trials_fail_the_exit_code_is_that_of_a_failed_step(tiny, call):
    Path("bad.py").write_text(BAD)
    recipe = tiny(HEAD + "plugins: [./bad.py]\nsteps: [{uses: bad, with: {number: {search: [4, 5]}}}]\n")
    code, _, err = call("search", recipe, "--sampler", "grid", "-o", "s")
    assert code == 4
    assert "error: all 2 trials failed; the first one: " in err
    assert "number 4 is too large; take a smaller one; mend that, or change what the recipe leaves open" in err


@pytest.mark.long  # test_trials.py has the same with made-up results
def test_a_search_in_which_no_trial_meets_the_constraints_ends_with_3_and_names_the_closest(tiny, call):
    recipe = tiny(PTQ + "constraints: {max_size: 100 B}\n")
    code, _, err = call("search", recipe, "--sampler", "grid", "-o", "s")
    assert code == 3
    assert err.splitlines()[-1] == (
        "error: no trial meets the constraints; trial 3 comes closest, and misses max_size; "
        "relax them, or leave more open"
    )


def test_a_trial_is_stopped_after_a_stage_that_misses_its_own_limit(tiny, call):
    steps = "steps: [{uses: ptq, with: {precision: {search: [int8, float16]}}}, {uses: slim}]\n"
    recipe = tiny(HEAD + steps + "constraints: {stages: {ptq: {max_size: 3.3 kB}}}\n")
    code = call("search", recipe, "--sampler", "grid", "-o", "s")[0]
    trials = json.loads(Path("s/front/front.json").read_text())["trials"]
    assert code in (0, 3)
    stopped = [trial for trial in trials if trial["state"] == "stopped"]
    assert [trial["reason"] for trial in stopped] == [
        "stopped after 'ptq', which misses stages.ptq.max_size" for _ in stopped
    ]
    assert stopped and not stopped[0]["values"]


@pytest.mark.long  # test_trials.py has the same with made-up results
def test_an_interrupted_search_goes_on_and_gives_what_it_would_have_given(tiny, call):
    text = (
        HEAD + "steps: [{uses: ptq, with: {precision: {search: [int8, dynamic, float16, int4]}, calibration_samples: "
    )
    recipe = tiny(text + "{search: {low: 5, high: 50}}}}]\n")
    assert call("search", recipe, "--trials", 5, "-o", "whole")[0] == 0
    assert call("search", recipe, "--trials", 2, "-o", "cut")[0] == 0
    code, _, err = call("search", recipe, "--trials", 5, "--resume", "cut")
    assert code == 0, err
    assert sum("trial " in line for line in err.splitlines() if line.startswith(" trial")) == 3
    whole, cut = (json.loads(Path(f"{name}/front/front.json").read_text()) for name in ("whole", "cut"))
    for data in (whole, cut):
        del data["folder"]
        for trial in data["trials"]:
            del trial["seconds"]
    assert cut == whole
    code, _, err = call("search", recipe, "--trials", 5, "--resume", "cut", "--seed", 1)
    assert (code, err.splitlines()[-1]) == (
        2, "error: the search in cut was made with seed 0, not 1; begin a new one by leaving out --resume, or change "
        "it back",
    )  # fmt: skip


@pytest.mark.long
def test_a_search_that_is_killed_loses_no_finished_trial_and_runs_none_twice(tiny, call):
    text = (
        HEAD + "steps: [{uses: ptq, with: {precision: {search: [int8, dynamic, float16, int4]}, calibration_samples: "
    )
    recipe = tiny(text + "{search: {low: 5, high: 50}}}}]\n")
    command = [sys.executable, "-P", "-m", "compressor", "search", recipe, "--trials", "8"]
    subprocess.run([*command, "-o", "whole"], check=True, timeout=300, capture_output=True)
    arguments = ["-o", "cut"]
    for _ in range(3):
        process = subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for line in process.stderr:
            if line.startswith(" trial"):
                break
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
        process.stderr.close()
        arguments = ["--resume", "cut"]
        time.sleep(1)  # until the child of the process that was killed has ended as well
    subprocess.run([*command, "--resume", "cut"], check=True, timeout=300, capture_output=True)
    whole, cut = (json.loads(Path(f"{name}/front/front.json").read_text()) for name in ("whole", "cut"))
    for data in (whole, cut):
        del data["folder"]
        for trial in data["trials"]:
            del trial["seconds"]
    assert cut == whole


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.yaml"], 1, "missing.yaml: there is no such file or shipped recipe"),
        (["plain.yaml"], 2, "error: plain.yaml leaves nothing open to search; run it by: compressor apply plain.yaml"),
        (["tiny.yaml", "--resume", "nowhere"], 1,
         "error: there is no search in nowhere to go on with; check the path, or leave out --resume"),
        (["tiny.yaml", "-o", "."], 1, "error: the folder . is not empty; name another"),
        (["tiny.yaml", "--resume", "a", "-o", "b"], 2,
         "Error: --output and --resume exclude each other; leave one out"),
        (["tiny.yaml", "--sampler", "best"], 2, "Error: Invalid value for '--sampler': 'best' is not one of"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused_before_anything_is_run(tiny, call, arguments, code, message):
    tiny(PTQ)
    tiny(HEAD + "steps: [{uses: ptq}]\n", "plain.yaml")
    ended, _, err = call("search", *arguments)
    assert (ended, message in err) == (code, True), err


def test_two_workers_find_what_one_process_finds_byte_for_byte(tiny, call):
    recipe = tiny(PTQ)
    assert call("search", recipe, "--sampler", "grid", "-o", "one")[0] == 0
    code, _, err = call("search", recipe, "--sampler", "grid", "--workers", 2, "-o", "two")
    assert code == 0, err
    one, two = (json.loads(Path(f"{name}/front/front.json").read_text()) for name in ("one", "two"))
    for data in (one, two):
        del data["folder"]
        for trial in data["trials"]:
            del trial["seconds"]
    assert two == one
    assert [sha(f"two/{point['run']}/model.tflite") for point in two["front"]] == [
        sha(f"one/{point['run']}/model.tflite") for point in one["front"]
    ]
    lines = [line.split(" ", 1)[1] for line in err.splitlines() if re.match(r"\d{4}-", line)]
    assert lines[0] == "trial 1 begins: ptq"
    assert sorted(line for line in lines if "begins" in line) == [f"trial {number} begins: ptq" for number in (1, 2, 3)]
    code, _, err = call("search", recipe, "--sampler", "grid", "--workers", 1, "--resume", "two")
    assert (code, "the search in two was made with workers 2, not 1;" in err) == (2, True), err
    assert call("search", recipe, "--sampler", "grid", "--resume", "two")[0] == 0  # with as many as before


def test_a_search_goes_on_only_with_the_data_that_it_began_with(tiny, call):
    tiny(PTQ)
    arrays = {"x_train": np.zeros((4, 6)), "y_train": np.zeros(4), "x_test": np.zeros((4, 6)), "y_test": np.zeros(4)}
    np.savez("digits.npz", **arrays)
    text = Path("tiny.yaml").read_text()
    recipe = tiny(re.sub(r"data: .*", "data: {source: digits.npz}", text), "own.yaml")
    call("search", recipe, "--trials", 1, "--smoke", "-o", "s")
    np.savez("digits.npz", **{**arrays, "y_test": np.ones(4)})
    code, _, err = call("search", recipe, "--trials", 2, "--smoke", "--resume", "s")
    assert (code, "the search in s was made with another data; begin a new one" in err) == (2, True), err


def test_a_search_says_in_how_many_trials_early_steps_were_held_and_goes_on_in_the_same_way_only(tiny, call):
    steps = "steps:\n  - {uses: prune, with: {final_sparsity: {search: {low: 0.5, high: 0.8}}, epochs: 20}}\n"
    recipe = tiny(HEAD + steps + "  - {uses: ptq, with: {calibration_samples: {search: {low: 5, high: 90}}}}\n")
    told = " prune costs 91% of a trial; that of a good trial is tried 3 times (--draw-anew: once)\n"
    assert told in call("plan", recipe)[1]
    held = json.loads(call("plan", recipe, "--json")[1])["held"]
    assert held == [{"steps": ["prune"], "share": pytest.approx(21 / 23), "trials": 3}]
    code, out, err = call("search", recipe, "--trials", 6, "--smoke", "-o", "s")
    assert code == 0, err
    *first, last = json.loads(Path("s/front/front.json").read_text())["trials"]
    assert [trial["holds"] for trial in first] == [None] * 5
    sparsities = [trial["assignment"]["steps.prune.with.final_sparsity"] for trial in first]
    assert last["assignment"]["steps.prune.with.final_sparsity"] == sparsities[last["holds"] - 1]
    assert " 1 of 6 trials held the early steps of another one\n" in out
    assert "1 of 6 trials held the early steps of another one." in Path("s/front/front.md").read_text()
    code, _, err = call("search", recipe, "--trials", 7, "--smoke", "--draw-anew", "--resume", "s")
    assert (code, err.splitlines()[-1]) == (
        2, "error: the search in s was made with way of drawing \"early steps are held\", not \"anew\"; begin a new "
        "one by leaving out --resume, or change it back",
    )  # fmt: skip


@pytest.mark.long
def test_a_search_on_mnist_ends_with_recipes_that_apply_makes_again(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    code, _, err = call(
        "search", "search_mnist", "--trials", 3, "--workers", 2, "-o", "s", "--set", "model.train.epochs=3"
    )
    assert code == 0, err
    data = json.loads(Path("s/front/front.json").read_text())
    assert [trial["state"] for trial in data["trials"]] == ["done"] * 3
    point = data["front"][0]
    assert point["validation"][1] > 0.96
    assert call("apply", f"s/{point['recipe']}", "-o", "again")[0] == 0
    assert sha("again/model.tflite") == sha(f"s/{point['run']}/model.tflite")


@pytest.mark.long
def test_a_trial_whose_worker_is_killed_begins_once_more_and_nothing_else_is_said_of_it(tiny, workers_here):
    text = HEAD + "steps: [{uses: ptq, with: {precision: {search: [int8, float16, int4]}}}]\n"
    command = [
        sys.executable,
        "-P",
        "-m",
        "compressor",
        "search",
        tiny(text),
        "--sampler",
        "grid",
        "--workers",
        "2",
        "-o",
        "s",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in process.stderr:
        if "worker 1, trial 1: " in line:
            break
    (worker,) = workers_here()
    os.kill(worker, signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "warning: trial 1 begins again, since worker 1, which ran it, was killed (SIGKILL)\n" in err
    trials = json.loads(Path("s/front/front.json").read_text())["trials"]
    assert [(trial["state"], trial["reason"]) for trial in trials] == [("done", "")] * 3
