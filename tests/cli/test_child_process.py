"""A plugin whose native code crashes, or hears no interrupt, fails its step; the tool says which one it was."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

PLUGIN = """
import ctypes, os, signal, time
import compressor
from compressor import Strategy, hookimpl

class Bad(Strategy):
    \"\"\"Takes TensorFlow down.\"\"\"

    name = "bad"

    class Params(compressor.Params):
        \"\"\"How.\"\"\"

        how: str = "abort"

    def plan(self, state):
        return state

    def apply(self, model, context):
        if self.params.how == "abort":
            os.abort()
        if self.params.how == "exit":
            ctypes.CDLL(None)._exit(0)
        if self.params.how == "memory":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.params.how == "grow":
            held = bytearray(4 * 10**9)
            held[::4096] = bytes([1]) * len(held[::4096])
            time.sleep(60)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # in every thread, TensorFlow's too
        if self.params.how == "break":
            signal.signal(signal.SIGINT, lambda *_: os.abort())
        print("hanging", flush=True)
        time.sleep(60)

@hookimpl
def strategies():
    return [Bad]
"""
RECIPE = """
version: 1
plugins: [./bad.py]
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
steps: [{uses: bad}]
"""


@pytest.fixture
def start(tmp_path):
    (tmp_path / "bad.py").write_text(PLUGIN)
    (tmp_path / "bad.yaml").write_text(RECIPE)

    def begin(how, where, **environment):
        command = [sys.executable, "-m", "compressor", "apply", "bad.yaml", "--smoke", "-q", "-o", where]
        return subprocess.Popen(
            [*command, "--set", f"steps.bad.with.how={how}"],
            cwd=tmp_path,
            env={**os.environ, "COMPRESSOR_CACHE": str(tmp_path / "cache"), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return begin


def test_a_crash_and_a_kill_end_with_4_and_name_the_plugin_and_the_stages_before_stay(start, tmp_path):
    _, errors = (crashed := start("abort", "a")).communicate()
    assert crashed.returncode == 4
    assert errors.splitlines()[-1].startswith(f"error: the step 'bad' (bad, {tmp_path / 'bad.py'} sha256:")
    assert errors.endswith(
        ") crashed the process (SIGABRT), whose stack is in run.log; "
        "finished steps are kept; fix it, or report it to its author\n"
    )
    log = (tmp_path / "a" / "run.log").read_text()
    assert "Fatal Python error: Aborted" in log
    assert re.search(r'bad\.py", line \d+ in apply', log)
    assert (tmp_path / "a" / "stages" / "0-baseline.tflite").exists()
    _, errors = (killed := start("memory", "a")).communicate()
    assert killed.returncode == 4
    assert errors.endswith(") was killed (SIGKILL); if memory ran out, use a smaller batch_size or a larger machine\n")


def test_a_step_that_takes_more_memory_than_it_may_is_stopped(start):
    _, errors = (stopped := start("grow", "g", COMPRESSOR_MAX_MEMORY="2 GB")).communicate()
    assert stopped.returncode == 4
    assert errors.splitlines()[-1].startswith("error: the step 'bad' (bad, ")
    assert errors.endswith(
        ") took more than 2.0 GB of memory and was stopped; use less data or a smaller batch_size, or set "
        "COMPRESSOR_MAX_MEMORY to more; finished steps are kept, and the same command resumes from there\n"
    )


def test_a_limit_that_is_no_size_is_refused_before_the_run(start):
    _, errors = (refused := start("exit", "r", COMPRESSOR_MAX_MEMORY="much")).communicate()
    assert refused.returncode == 1
    units = "write bytes, or a number with kB, MB, GB, KiB, MiB or GiB"
    assert errors == f"error: COMPRESSOR_MAX_MEMORY: 'much' is not a size; {units}; correct it, or unset it\n"


def test_a_step_that_ends_the_process_does_not_pass_for_a_run_that_is_done(start):
    _, errors = (ended := start("exit", "e")).communicate()
    assert ended.returncode == 4
    assert errors.endswith(
        ") ended the process (exit code 0); finished steps are kept; fix it, or report it to its author\n"
    )


def await_hanging(process, log):
    while "hanging\n" not in (log.read_text() if log.exists() else ""):
        assert process.poll() is None
        time.sleep(0.05)


def test_native_code_that_crashes_as_it_is_interrupted_has_been_interrupted(start, tmp_path):
    breaking = start("break", "b")
    await_hanging(breaking, tmp_path / "b" / "run.log")
    breaking.send_signal(signal.SIGINT)
    _, errors = breaking.communicate()
    assert breaking.returncode == 130
    assert errors.splitlines()[-1].startswith("interrupted; the step 'bad' (bad, ")
    assert errors.endswith(" did not end by itself; finished steps are kept, and the same command resumes from there\n")


def test_a_step_that_hears_no_interrupt_is_ended_within_two_seconds(start, tmp_path):
    hanging = start("hang", "h")
    await_hanging(hanging, tmp_path / "h" / "run.log")
    begun = time.monotonic()
    hanging.send_signal(signal.SIGINT)
    _, errors = hanging.communicate()
    assert time.monotonic() - begun < 2
    assert hanging.returncode == 130
    assert errors.splitlines()[-1].startswith("interrupted; the step 'bad' (bad, ")
    assert errors.endswith(
        " did not respond and was killed; finished steps are kept, and the same command resumes from there\n"
    )


def test_a_child_may_report_more_than_a_pipe_holds():
    program = (
        "import sys\nfrom compressor.cli.child_process import supervised\n"
        "def work(tell):\n    for number in range(5000):\n"
        "        tell(f'the step {number:5} of a long run')\n    return 3\n"
        "sys.exit(supervised(work))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 3


def test_a_child_that_has_said_that_it_was_interrupted_and_ends_too_slowly_is_not_told_again(tmp_path):
    program = (
        "import click, sys, time\nfrom compressor.base.errors import ExitCode\n"
        "from compressor.cli.child_process import supervised\nfrom compressor.cli.resuming import tell_interrupted\n"
        "def work(report):\n    try:\n        print('working', flush=True)\n        time.sleep(60)\n"
        "    except KeyboardInterrupt:\n        with click.Context(click.Command('x'), obj=report):\n"
        "            tell_interrupted('trials are kept')\n        time.sleep(60)\n"
        "sys.exit(supervised(work))"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    pipes["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # also where pytest itself ignores it
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as process:
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "\ninterrupted; trials are kept\n")
