"""`.pre-commit-hooks.yaml` and `action.yml`: what other repositories use of this one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
GOOD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\nsteps: [{uses: ptq}]\n"


@pytest.fixture
def environment(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@b")


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_pre_commit_runs_the_hook_from_a_bare_clone(environment, tmp_path):
    tool, theirs = tmp_path / "tool", tmp_path / "theirs"
    for folder in (tool, theirs / "recipes"):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", tool)
    git(tool, "init", "-b", "main")
    git(tool, "add", ".")
    git(tool, "commit", "-m", "hooks")
    git(tmp_path, "clone", "--bare", str(tool), "tool.git")
    config = {"repos": [{"repo": str(tmp_path / "tool.git"), "rev": git(tool, "rev-parse", "HEAD")}]}
    config["repos"][0]["hooks"] = [{"id": "compressor-validate"}]
    (theirs / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    (theirs / "recipes/good.yaml").write_text(GOOD)
    (theirs / "recipes/bad.yaml").write_text(GOOD.replace("ptq", "ptqq"))
    (theirs / "compose.yaml").write_text("services: {}\n")
    git(theirs, "init", "-b", "main")
    git(theirs, "add", ".")

    def hook(*arguments):
        command = [sys.executable, "-m", "pre_commit", "run", "--color", "never", *arguments]
        done = subprocess.run(command, cwd=theirs, capture_output=True, text=True)
        return done.returncode, done.stdout

    code, out = hook("--all-files")
    assert code == 1
    assert "\nvalidate compression recipes" in out
    assert out.rstrip().endswith(
        "recipes/bad.yaml:4:16: error: unknown strategy 'ptqq'; did you mean 'ptq'?\n"
        "    4 | steps: [{uses: ptqq}]\n"
        "      |                ^^^^"
    )
    assert hook("--files", "recipes/good.yaml")[0] == 0


@pytest.fixture
def check_step(tmp_path, monkeypatch):
    """The action's last step as GitHub runs it, with a `compressor` that notes its arguments."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin/compressor"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    step = action["runs"]["steps"][-1]

    def run(**inputs):
        values = {name: given["default"] for name, given in action["inputs"].items()} | inputs
        environment = {
            name: values[text.removeprefix("${{ inputs.").removesuffix(" }}")] for name, text in step["env"].items()
        }
        environment["PATH"] = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", step["run"]], env=environment, capture_output=True, text=True, cwd=tmp_path
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


def test_the_action_runs_ci_with_its_inputs(check_step):
    assert check_step() == ["ci", "--run", "smoke", "--", "."]
    assert check_step(recipes="a b/*.yaml", since="origin/main", run="full", strict="true") == [
        "ci", "--run", "full", "--since", "origin/main", "--strict", "--", "a", "b/*.yaml",
    ]  # fmt: skip


def test_no_input_of_the_action_is_run_by_the_shell(check_step, tmp_path):
    evil = "$(touch ran) `touch ran`; touch ran"
    words = check_step(recipes=evil, since=evil, run=evil, strict=evil)
    assert words == ["ci", "--run", evil, "--since", evil, "--", *evil.split()]
    assert not (tmp_path / "ran").exists()
