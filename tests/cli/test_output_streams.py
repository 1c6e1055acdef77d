"""Standard output is the tool's alone, in any encoding, and a stream that is closed or full costs no result."""

import json
import os
import shlex
import subprocess
import sys

import pytest
from fake_distributions import SHAVE, installer

RUN = [sys.executable, "-m", "compressor"]
CHATTY = '''
import os, subprocess, sys

def chat(where):
    print("print", where)
    sys.__stdout__.write(f"__stdout__ {where}\\n")
    os.write(1, f"descriptor {where}\\n".encode())
    subprocess.run(["echo", "child", where])

chat("at import")
''' + SHAVE.replace("        return model\n", '        chat("in apply")\n        return model\n')  # fmt: skip
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"  # the cursor
SAID = ["print", "__stdout__", "descriptor", "child"]
RECIPE = """
version: 1
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
steps: [{uses: shave}]
constraints: {max_size: 1 kB}
"""


@pytest.fixture
def compressor(tmp_path):
    """A function that runs the tool in a process of its own, with Python's own settings for the streams."""

    def call(*arguments, shell=None, **environment):
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LC_", "LANG"))}
        command = RUN + list(arguments)
        if shell is not None:
            command = ["bash", "-c", f"set -o pipefail; {shlex.join(command)} {shell}"]
        done = subprocess.run(command, cwd=tmp_path, env={**clean, **environment}, capture_output=True, timeout=300)
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")

    return call


@pytest.fixture
def chatty(tmp_path, monkeypatch):
    """The environment in which a plugin is installed that prints whenever it can, and a recipe that uses it."""
    installer(tmp_path, monkeypatch)("chatty", CHATTY)
    (tmp_path / "chatty.yaml").write_text(RECIPE)
    return {"PYTHONPATH": str(tmp_path / "site")}


@pytest.mark.parametrize(
    "arguments",
    [
        "schema",
        "strategies --json",
        "strategies shave --json",
        "plan chatty.yaml --json",
        "validate chatty.yaml --json",
    ],
)
def test_a_plugin_that_prints_leaves_one_json_document_on_standard_output(compressor, chatty, arguments):
    code, out, err = compressor(*arguments.split(), **chatty)
    assert code == 0
    json.loads(out)
    assert sorted(err.splitlines()) == sorted(f"{how} at import" for how in SAID)


def test_what_a_step_prints_is_in_the_log_and_the_report_alone_on_standard_output(compressor, chatty, tmp_path):
    code, out, err = compressor("apply", "chatty.yaml", "--smoke", "--json", "-o", "out", **chatty)
    assert code == 0, err
    assert json.loads(out) == json.loads((tmp_path / "out" / "report.json").read_text())
    log = (tmp_path / "out" / "run.log").read_text()
    assert {f"{how} in apply" for how in SAID} <= set(log.splitlines())
    assert {line for line in err.splitlines() if line} == {f"{how} at import" for how in SAID}


@pytest.mark.parametrize(
    ("environment", "encoding", "start"),
    [
        ({"PYTHONIOENCODING": "cp1252"}, "cp1252", "prune_qat · mnist_cnn on mnist · seed 0"),
        ({"PYTHONIOENCODING": "ascii"}, "ascii", "prune_qat - mnist_cnn on mnist - seed 0"),
        (
            {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
            "ascii",
            "prune_qat - mnist_cnn on mnist - seed",
        ),
    ],
    ids=["cp1252", "ascii", "C"],
)
def test_a_stream_that_is_no_utf_8_gets_characters_that_it_has(compressor, environment, encoding, start):
    code, out, err = compressor("plan", "prune_qat", **environment)
    assert (code, err) == (0, "")
    assert out.decode(encoding).startswith(start)


LOST = (
    "error: standard output cannot be written ({}); "
    "the command did its work, but what it printed is lost; free some space, or print elsewhere\n"
)


@pytest.mark.parametrize(
    ("shell", "ending"),
    [
        ("> /dev/full", (1, b"", LOST.format("No space left on device"))),
        (">&-", (1, b"", LOST.format("it is closed"))),
        ("2>&-", (0, None, "")),
        ("| head -1", (0, b"{\n", "")),
    ],
)
def test_a_stream_that_cannot_be_written_has_one_clean_ending(compressor, shell, ending):
    code, out, err = compressor("schema", shell=shell)
    assert (code, None if ending[1] is None else out, err) == ending


@pytest.mark.parametrize("shell", ["2> /dev/full", "2>&-", ">&- 2>&-"])
def test_an_error_that_nobody_can_read_still_has_its_exit_code(compressor, shell):
    assert compressor("plan", "nowhere.yaml", shell=shell) == (1, b"", "")


@pytest.mark.long
@pytest.mark.parametrize("shell", ["> /dev/full", ">&-", "| true"])
def test_a_run_whose_report_nobody_reads_is_whole_and_a_missed_limit_still_ends_with_3(compressor, tmp_path, shell):
    recipe = (
        RECIPE.replace("uses: shave", "uses: ptq").replace("{epochs: 1}", "{epochs: 1}")
        + "training: {batch_size: 4096}"
    )
    (tmp_path / "small.yaml").write_text(recipe)
    code, _, err = compressor("apply", "small.yaml", "-q", "-o", "out", shell=shell)
    assert code == 3, err
    assert "error: constraints not met: max_size; change the recipe's steps, or relax them\n" in err
    assert ("standard output cannot be written" in err) == (shell != "| true")
    assert {"model.tflite", "report.json", "report.md"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_the_help_and_the_version_are_on_standard_output(compressor):
    assert compressor("--version")[1].startswith(b"compressor ")
    code, out, err = compressor("plan", "--help")
    assert (code, err) == (0, "")
    assert out.startswith(b"Usage: compressor plan [OPTIONS] RECIPE\n")


def in_terminal(command, cwd):
    """Run a command in a terminal: its exit code, and all that it showed."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    running = subprocess.Popen(command, cwd=cwd, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return running.wait(), shown


def assert_cursor_is_back(shown):
    assert shown.rfind(HIDE) >= 0
    assert SHOW in shown[shown.rfind(HIDE) :]
    assert b"was killed (SIGKILL)" in shown.rpartition(SHOW)[2]


def test_a_killed_child_leaves_a_terminal_with_its_cursor(tmp_path):
    code = (
        "import os, sys; from compressor.cli.child_process import supervised; "
        f"sys.exit(supervised(lambda tell: (os.write(2, {HIDE!r}), os.kill(os.getpid(), 9))))"
    )
    ending, shown = in_terminal([sys.executable, "-c", code], tmp_path)
    assert ending == 4
    assert_cursor_is_back(shown)


@pytest.mark.long
def test_a_step_that_is_killed_leaves_a_terminal_with_its_cursor(tmp_path):
    killing = SHAVE.replace("        return model\n", "        import os; os.kill(os.getpid(), 9)\n")
    (tmp_path / "kill.py").write_text(killing)
    (tmp_path / "kill.yaml").write_text(RECIPE.replace("version: 1", "version: 1\nplugins: [./kill.py]"))
    ending, shown = in_terminal([*RUN, "apply", "kill.yaml", "--smoke", "-o", "out"], tmp_path)
    assert ending == 4
    assert_cursor_is_back(shown)


NOISY = """
import os
import compressor

class Noisy(compressor.Metric):
    name = "noisy"

    def per_sample(self, batch):
        os.environ["NOISY"] = "1"
        print("chatter")
        return batch.labels * 1.0

@compressor.hookimpl
def metrics():
    return [Noisy]
"""


def test_what_the_tool_says_of_plugins_is_shown_where_the_output_of_libraries_is_not(tensorflow, compressor, tmp_path):
    import numpy as np
    import tf_keras

    from compressor import to_litert

    model = tf_keras.Sequential([tf_keras.layers.InputLayer((4,)), tf_keras.layers.Dense(2)])
    (tmp_path / "model.tflite").write_bytes(to_litert(model))
    np.savez(tmp_path / "data.npz", x=np.ones((40, 4), np.float32), y=np.arange(40) % 2)
    (tmp_path / "mine.py").write_text(NOISY)
    named = ["--data", "./data.npz", "--metric", "noisy", "--plugin", "mine.py"]
    code, out, err = compressor("evaluate", "model.tflite", *named)
    assert (code, out.split()[0]) == (0, b"noisy")
    assert "changed the environment (NOISY), which was put back" in err
    assert "chatter" not in err


def test_nothing_but_messages_is_printed_once_the_process_keeps_to_them(tmp_path):
    """As when TensorFlow is still losing the other workers while the tool has said so."""
    script = """if True:
        import os, subprocess
        from compressor.base import standard_output as gate
        gate.claim()
        os.write(2, b"before\\n")
        gate.keep_to_messages()
        gate.tell("error: told")
        os.write(1, b"native")
        os.write(2, b"native")
        subprocess.run(["sh", "-c", "echo child; echo child >&2"])
        gate.keep_to_messages()
        gate.tell("told again")
        gate.say("result")
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, cwd=tmp_path, check=True)
    assert (done.stdout, done.stderr) == (b"result\n", b"before\nerror: told\ntold again\n")
