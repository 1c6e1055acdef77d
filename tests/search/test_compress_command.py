"""`compressor compress`, with real trials of a tiny net in processes of their own."""

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


def sha(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_a_model_becomes_a_small_file_with_its_report_and_a_recipe_that_makes_it_again(tiny, call):
    options = ["tiny.keras", "--data", "tiny.npz", "--max-packed-size", "2kB", "--max-drop", "20%", "--trials", 1]
    code, out, err = call("compress", *options, "-o", "s")
    assert code == 0, err
    lines = err.splitlines()
    assert lines[:9] == [
        "looking at tiny.keras",
        " found: 1,012 weights in Dense; takes 16, gives 4 by softmax",
        " judged by: accuracy, the share of samples that are classified right",
        " limits: max_accuracy_drop: 0.2, max_packed_size: 2 kB",
        " tries first: ptq -> slim -> pack; then entropy -> ptq -> slim -> pack; "
        "then prune -> qat -> ptq -> slim -> pack; "
        "then prune -> cluster -> qat -> ptq -> slim -> pack; then qat -> ptq -> slim -> pack",
        " then what does best, of 16 ways to take steps, 7 open values, recipes without end; for 15:00 minutes in all",
        " working in s; Ctrl-C keeps the best so far",
        *lines[7:9],
    ]
    (told,) = [line for line in lines if " trial 1  packed_size " in line]
    assert told.endswith("the best so far, in s/best-so-far/trial-1")
    assert "how long a trial takes" not in err
    assert re.search(
        r" 1\d:\d\d left, about \d+ more trials, by the 1 so far \(\d+:\d\d on average\)$", err, re.MULTILINE
    )
    assert "s/best/   model.tflite · report.html · report.md · report.json" in out
    assert "s/best.yaml   the recipe; compressor apply makes the same bytes of it" in out
    assert sorted(path.name for path in Path("s").iterdir()) == [
        "best", "best.yaml", "journal.log", "run.log", "search.json", "space.yaml", "status.json",
    ]  # fmt: skip
    text = Path("s/best.yaml").read_text()
    assert (
        text.startswith("# Trial 1 of a search: packed_size ") and "- uses: pack  # the package is what ships" in text
    )
    assert [step["uses"] for step in yaml.safe_load(text)["steps"]] == ["ptq", "slim", "pack"]
    assert call("apply", "s/best.yaml", "-o", "again", "--no-cache")[0] == 0
    assert sha("again/model.tfpack") == sha("s/best/model.tfpack")
    assert call("plan", "s/space.yaml")[0] == 0
    code, _, err = call("compress", *options, "--resume", "s")
    assert (code, " no trial is left to run; --trials counts those of before" in err) == (0, True), err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["tiny.keras"], 2, "Error: Missing option '--data'."),
        (["missing.keras", "--data", "tiny.npz"], 1, "error: there is no model file missing.keras; check the path"),
        (["tiny.keras", "--data", "none.npz"], 1, "error: there is no data at none.npz; check the path"),
        (["no_net", "--data", "tiny.npz"], 1,
         "error: there is no model 'no_net'; "),
        (["tiny.keras", "--data", "tiny.npz", "--max-size", "2kB", "--max-packed-size", "1kB"], 2,
         "Error: --max-size is of the .tflite file, --max-packed-size of its package; give one of them"),
        (["tiny.keras", "--data", "tiny.npz", "--max-arena", "much"], 2, "error: --max-arena: "),
        (["tiny.keras", "--data", "tiny.npz", "--max-packed-size", "0"], 2,
         "error: --max-packed-size: '0' leaves no room for a file; give more"),
        (["tiny.keras", "--data", "tiny.npz", "--max-drop", "150%"], 2,
         "error: --max-drop: '150%' is no share from 0 to 1; write 0.5%, or 0.005"),
        (["tiny.keras", "--data", "tiny.npz", "--budget", "soon"], 2,
         "error: --budget: 'soon' is no length of time; write 15m, 90s or 1h30m"),
        (["tiny.keras", "--data", "tiny.npz", "-o", "a", "--resume", "b"], 2,
         "Error: --output and --resume exclude each other; leave one out"),
        (["tiny.keras", "--data", "tiny.npz", "--target", "pdp-11"], 2, "error: --target: there is no device 'pdp-11'"),
    ],
)  # fmt: skip
def test_what_cannot_be_compressed_is_refused_before_anything_is_run(tiny, call, arguments, code, message):
    ended, _, err = call("compress", *arguments)
    assert (ended, message in err) == (code, True), err
    assert not Path("compressed").exists()


def test_data_without_labels_is_refused_before_a_trial(tiny, call):
    arrays = {name: array for name, array in np.load("tiny.npz").items() if name.startswith("x")}
    np.savez("bare.npz", **arrays, y_kind_train=arrays["x_train"])
    code, _, err = call("compress", "tiny.keras", "--data", "bare.npz")
    assert (code, err.splitlines()[-1]) == (
        1, "error: bare.npz has no labels that are found by their names; name them as docs/data.md has it, or write a "
        "recipe that does: compressor new recipe",
    )  # fmt: skip
    assert not Path("compressed").exists()


def begun(*arguments):
    """A command that has been started, whose standard error can be read."""
    command = [sys.executable, "-P", "-m", "compressor", *arguments]
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a shell ignores in the background
    )


def read_until(process, pattern):
    """The lines up to one that matches."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if re.search(pattern, line):
            return lines
    raise AssertionError(f"no line like {pattern}:\n{''.join(lines)}")


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_ends_a_compression_early_leaves_the_best_so_far_and_no_process(tiny, workers_here, number, monkeypatch):
    Path("tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(Path("tmp").absolute()))
    options = ["compress", "tiny.keras", "--data", "tiny.npz", "--max-packed-size", "2kB", "--max-drop", "20%"]
    options += ["--trials", "4", "--workers", "2"]
    process = begun(*options, "-o", "s")
    read_until(process, r"trial 3 begins")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    time.sleep(2)
    assert workers_here() == []
    (best,) = Path("s/best-so-far").iterdir()
    if number != signal.SIGKILL:
        last = err.splitlines()[-1]
        assert last.startswith(
            f"interrupted; the best so far is trial {best.name.removeprefix('trial-')}: packed_size "
        )
        assert last.endswith(f"its model and its recipe are in {best}; to go on, give the same command with --resume s")
        assert not any(Path("tmp").iterdir())
        assert not Path("s/trial").exists()
        assert not list(Path(os.environ["COMPRESSOR_CACHE"]).rglob("*.tmp"))
    assert call_apply(best / "recipe.yaml", "plain") == sha(best / "model.tfpack")
    process = begun(*options, "--resume", "s")
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert len(re.findall(r" trial \d+ begins", err)) <= 3
    assert Path("s/best/report.json").exists() and not Path("s/best-so-far").exists()
    assert not any(Path("tmp").iterdir())
    assert call_apply("s/best.yaml", "again") == sha("s/best/model.tfpack")


def call_apply(recipe, folder):
    """The hash of the package that a recipe makes, without the cache."""
    command = [sys.executable, "-P", "-m", "compressor", "apply", recipe, "-o", folder, "--no-cache", "-q"]
    subprocess.run(command, check=True, timeout=600, capture_output=True)
    return sha(f"{folder}/model.tfpack")


@pytest.mark.long
def test_where_no_trial_meets_the_limits_the_closest_is_the_answer_and_it_is_said_how_far_it_is(tiny, call):
    code, out, err = call("compress", "tiny.keras", "--data", "tiny.npz", "--max-size", "1kB", "--trials", 2, "-o", "s")
    assert code == 3
    assert re.fullmatch(
        r"error: none of 2 trials meets the limits; trial \d comes closest, and misses max_size by [\d.]+% of the limit"
        r".*; relax them, or give a longer --budget",
        err.splitlines()[-1],
    )
    assert "✗ max_size 1.0 kB" in out
    assert Path("s/best/model.tflite").exists()


@pytest.mark.long
def test_a_quantized_file_is_made_smaller_and_a_budget_that_is_over_ends_with_the_first_result(tiny, call):
    assert call("apply", str(small_recipe()), "-o", "int8")[0] == 0
    code, out, err = call("compress", "int8/model.tflite", "--data", "tiny.npz", "--budget", "1s", "-o", "s", "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert (answer["trials"], answer["trial"], answer["missed"]) == (1, 1, [])
    assert answer["report"]["stages"][-1]["id"] == "slim"
    assert err == ""


def small_recipe():
    path = Path("int8.yaml")
    path.write_text("version: 1\nmodel: {source: tiny.keras}\ndata: {source: tiny.npz}\nsteps: [{uses: ptq}]\n")
    return path


@pytest.mark.long
def test_mnist_becomes_small_within_five_minutes_a_trial_and_the_recipe_makes_the_same_bytes(
    tmp_path, monkeypatch, call
):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(
        "compress", "mnist_cnn", "--data", "mnist", "--max-packed-size", "8kB", "--max-drop", "1%", "--trials", 4,
        "--budget", "40m", "--workers", 2, "-o", "s", "--json",
    )  # fmt: skip
    assert code == 0, err
    answer = json.loads(out)
    assert answer["validation"][0] < 8_000 and answer["missed"] == []
    assert answer["report"]["stages"][-1]["metrics"]["accuracy"]["value"] > 0.97
    assert call("apply", "s/best.yaml", "-o", "again")[0] == 0
    assert sha("again/model.tfpack") == sha("s/best/model.tfpack")
