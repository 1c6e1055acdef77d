"""How to go on with a search that has ended early, as a user would type it."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from compressor.cli.places import SearchPlace
from compressor.cli.resuming import begins_in, keep_arguments, kept_of, resume_command


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("search a.yaml --trials 3", "compressor search a.yaml --trials 3 --resume s"),
        ("search a.yaml -o s --seed 1", "compressor search a.yaml --seed 1 --resume s"),
        ("search a.yaml -os --output=s --resume s --resume=s", "compressor search a.yaml --resume s"),
        ("search --set 'x=a b' -- -a.yaml", "compressor search --set 'x=a b' --resume s -- -a.yaml"),
        ("compress m.h5 -o s3://b/x --data d", "compressor compress m.h5 -o s3://b/x --data d --resume s"),
        ("compress m.h5 --output=s3://b/x", "compressor compress m.h5 --output=s3://b/x --resume s"),
        ("compress m.h5 -o file:///x", "compressor compress m.h5 --resume s"),
    ],
)
def test_the_command_that_goes_on_is_the_one_that_was_typed_with_its_folder(typed, command):
    with click.Context(click.Command("x")) as context:
        keep_arguments(context, shlex.split(typed))
        assert resume_command(Path("s")) == command


def test_an_output_that_is_the_folder_to_go_on_in_is_no_contradiction():
    assert SearchPlace.of(Path("s"), Path("s/")) == SearchPlace(Path("s"), True, None)
    with pytest.raises(click.UsageError):
        SearchPlace.of(Path("s"), Path("t"))


def test_what_is_kept_depends_on_whether_a_search_had_begun():
    told = []
    with click.Context(click.Command("x"), obj=told.append) as context:
        keep_arguments(context, ["search", "a.yaml"])
        assert kept_of(["search", "a.yaml"]) == "no trial had begun, and nothing was changed"
        assert (
            kept_of(["search", "a.yaml", "--resume", "s"]) == "finished trials are kept, and the same command goes on"
        )
        begins_in(Path("s"), on_cluster=False)
        kept = "finished trials are kept; to go on, give the same command with --resume s"
        assert kept_of(["search", "a.yaml"]) == kept
        keep_arguments(context, [])
    assert told == ["the search in s"]
    assert kept_of(["search", "a.yaml"], told[0]) == kept


LOADER = """\
import time
from pathlib import Path


def load():
    Path("loading").touch()
    time.sleep(60)
"""


@pytest.mark.parametrize("times", [1, 2])
def test_a_compression_that_is_interrupted_while_it_looks_at_the_model_says_that_nothing_began(tmp_path, times):
    (tmp_path / "slow.py").write_text(LOADER)
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "compressor", "compress", "./slow.py:load", "--data", "mnist"],
        cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while not (tmp_path / "loading").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
    err = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert err == "looking at ./slow.py:load\n\ninterrupted; no trial had begun, and nothing was changed\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loading", "slow.py", "tmp"]
    assert list((tmp_path / "tmp").iterdir()) == []
