"""Where errors end: a message, an exit code, and a traceback for those who ask."""

import errno
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from compressor.base.errors import CompressorError, DataError, ExitCode, StepError
from compressor.cli.boundary import run_guarded


@pytest.fixture
def ending(capsys):
    """A function that runs a command which does what it is given: (exit code, stdout, stderr)."""

    def call(act, *arguments):
        @click.command()
        @click.option("--debug", is_flag=True, expose_value=False)
        def command():
            return act()

        code = run_guarded(command, list(arguments))
        out, err = capsys.readouterr()
        return int(code), out, err

    return call


def raising(error):
    def act(*_, **__):
        raise error

    return act


def test_the_exit_codes_are_those_that_ci_scripts_know():
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "INPUT": 1,
        "USAGE": 2,
        "CONSTRAINT": 3,
        "STEP": 4,
        "INTERNAL": 5,
        "WORKER": 6,
        "INTERRUPTED": 130,
    }


def test_a_command_ends_with_what_it_returns_or_with_0(ending):
    assert ending(lambda: ExitCode.CONSTRAINT) == (3, "", "")
    assert ending(lambda: None) == (0, "", "")


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (CompressorError("it is wrong", "mend it"), 1, "error: it is wrong; mend it\n"),
        (DataError("zlib.error: no data", "get some"), 1, "error: zlib.error: no data; get some\n"),
        (
            StepError("the step fell short", "give it more epochs"),
            4,
            "error: the step fell short; give it more epochs\n",
        ),
    ],
)
def test_an_error_raised_on_purpose_is_one_line_and_its_exit_code(ending, error, code, shown):
    assert ending(raising(error)) == (code, "", shown)


def test_a_file_that_cannot_be_read_is_the_user_s_and_an_error_without_a_file_is_not(ending):
    error = PermissionError(errno.EACCES, "Permission denied", "m.h5")
    text = (
        "error: m.h5 cannot be read or written (Permission denied); "
        "check its permissions and those of its folder, and run the same command again\n"
    )
    assert ending(raising(error)) == (1, "", text)
    assert ending(raising(OSError("what is this")))[0] == 5


def test_a_disk_that_fails_is_at_fault_and_neither_the_tool_nor_a_plugin(ending):
    text = "error: the disk failed at a file (Input/output error); check that disk, and run the same command again\n"
    assert ending(raising(OSError(errno.EIO, "Input/output error"))) == (1, "", text)

    def blamed():
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "/out/x")
        except OSError as error:
            raise StepError("the step 'x' failed", "report it to its author") from error

    assert ending(blamed) == (
        1,
        "",
        "error: the disk at / is full (No space left on device), so that /out/x cannot be written; "
        "free some space there, and run the same command again\n",
    )


def test_memory_that_ran_out_is_no_bug(ending):
    text = "error: memory ran out; use a smaller batch_size or less data, or a larger machine\n"
    assert ending(raising(MemoryError())) == (4, "", text)


def test_the_log_of_a_bug_holds_no_secrets(ending, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["compressor", "plan", "--set", "model.token=hunter2"])
    monkeypatch.setenv("SOME_PASSWORD", "swordfish")
    monkeypatch.setenv("HOME", str(tmp_path))
    code, _, err = ending(raising(RuntimeError(f"swordfish at https://me:pw@host of {tmp_path}/x")))
    assert code == 5
    assert err.startswith("error: compressor itself failed (RuntimeError: *** at https://***@host of ~/x)\n")
    log = Path(re.search(r"with (\S+) attached", err)[1])
    text = log.read_text()
    log.unlink()
    assert text.startswith("compressor plan --set model.token=***\ncompressor ")
    assert not [word for word in ("hunter2", "swordfish", "me:pw", str(tmp_path)) if word in text]


def test_a_traceback_is_shown_with_debug_and_only_then(ending):
    code, _, err = ending(raising(CompressorError("it is wrong", "mend it")), "--debug")
    assert code == 1
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("compressor.base.errors.CompressorError: it is wrong; mend it\nerror: it is wrong; mend it\n")


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (RuntimeError("boom\nand more"), "RuntimeError: boom and more"),
        (EOFError("No data left in file"), "EOFError: No data left in file"),
    ],
)
def test_any_other_error_is_a_fault_of_the_tool_with_a_log_to_report(ending, fault, what, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["compressor", "plan", "x.yaml"])
    code, out, err = ending(raising(fault))
    assert (code, out) == (5, "")
    first, second = err.splitlines()
    assert first == f"error: compressor itself failed ({what})"
    log = Path(re.fullmatch(r"please report it at the project's issue tracker, with (\S+) attached", second)[1])
    text = log.read_text()
    log.unlink()
    assert re.match(
        r"compressor plan x\.yaml\ncompressor \S+, Python \S+, \S+ \S+\n\nTraceback \(most recent call last\):\n", text
    )
    assert " ".join(text.split()).endswith(what)


def test_a_fault_of_the_tool_shows_its_traceback_with_debug(ending):
    code, _, err = ending(raising(RuntimeError("boom")), "--debug")
    assert code == 5
    assert err.startswith("Traceback (most recent call last):\n")
    assert "\nRuntimeError: boom\nerror: compressor itself failed (RuntimeError: boom)\n" in err


def test_a_fault_of_the_tool_is_told_even_where_no_log_can_be_written(ending, monkeypatch):
    monkeypatch.setattr("tempfile.NamedTemporaryFile", raising(OSError("disk full")))
    assert ending(raising(RuntimeError("boom"))) == (
        5,
        "",
        "error: compressor itself failed (RuntimeError: boom)\n"
        "please report it at the project's issue tracker; --debug shows the traceback\n",
    )


def test_a_command_of_the_tool_that_fails_ends_with_5(run, monkeypatch):
    monkeypatch.setattr("compressor.planning.planner.prepare", raising(RuntimeError("boom")))
    code, out, err = run("plan", "prune_qat")
    assert (code, out) == (5, "")
    assert err.startswith("error: compressor itself failed (RuntimeError: boom)\nplease report it at ")
    assert "Traceback" not in err


def test_an_interrupt_ends_with_130(ending):
    assert ending(raising(KeyboardInterrupt())) == (130, "", "\ninterrupted; nothing was changed\n")


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["apply", "x"], "finished steps are kept, and the same command resumes from there"),
        (
            ["apply", "x", "--no-cache"],
            "nothing is cached with --no-cache, so the same command starts from the beginning",
        ),
        (["cache", "verify"], "nothing was changed"),
        (["cache", "prune"], "what was done before that stays"),
    ],
)
def test_an_interrupt_says_what_is_kept(arguments, kept):
    from compressor.cli.boundary import _after_interrupt

    assert _after_interrupt(arguments) == kept


def test_an_exit_that_is_not_the_tool_s_passes(ending):
    with pytest.raises(SystemExit) as caught:
        ending(raising(SystemExit(7)))
    assert caught.value.code == 7


@pytest.mark.parametrize("command", ["schema", "plan prune_qat", "strategies", "strategies prune --json", "--help"])
def test_a_reader_that_stops_early_is_no_error(command):
    line = f"set -o pipefail; '{sys.executable}' -m compressor {command} | true"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_head_gets_the_first_line_and_nobody_complains():
    line = f"set -o pipefail; '{sys.executable}' -m compressor schema | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")
