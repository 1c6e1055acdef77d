"""What Weights & Biases keeps of a run is what `report.json` has. `make test-long` installs it for this."""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tracked_runs import tell

pytestmark = pytest.mark.long

BLOCK = 32_768  # bytes
TESTS = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def unsaid(monkeypatch):
    for name in ("WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT", "WANDB_NAME"):
        monkeypatch.delenv(name, raising=False)


def records(path):
    """The records of a `.wandb` file, which are parts in blocks, as in a log of LevelDB."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, parts = path.read_bytes(), 7, b""
    assert content[:4] == b":W&B"
    while place < len(content):
        if BLOCK - place % BLOCK < 7:
            place += BLOCK - place % BLOCK
            continue
        _, size, kind = struct.unpack_from("<IHB", content, place)
        data = content[place + 7 : place + 7 + size]
        parts += data
        place += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(parts)
            parts = b""


def read(folder):
    (path,) = folder.glob("trackers/wandb/wandb/offline-run-*/run-*.wandb")
    history, config, summary, code, files = [], {}, {}, None, []
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "history":
            items = record.history.item
            history.append({"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items})
        elif kind == "run":
            config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        elif kind == "summary":
            summary |= {
                "/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.summary.update
            }
        elif kind == "exit":
            code = record.exit.exit_code
        elif kind == "files":
            files += [item.path for item in record.files.files]
    return history, config, summary, code, files


def test_figures_settings_and_files_are_those_of_the_report(tmp_path):
    report, warnings = tell("wandb", tmp_path)
    assert warnings == []
    history, config, summary, code, files = read(tmp_path)
    rows = [row for row in history if "stage" in row]
    assert [row["stage"] for row in rows] == [0, 1, 2]
    for row, stage in zip(rows, report["stages"], strict=True):
        assert row["stages/bytes"] == stage["bytes"]
        for key in ("value", "low", "high"):
            assert row[f"stages/metrics/accuracy/{key}"] == stage["metrics"]["accuracy"][key]
    (epochs,) = report["stages"][1]["curves"]
    told = [(row["epoch"], row["1-prune/epoch/val_loss"]) for row in history if "1-prune/epoch/val_loss" in row]
    assert told == [(number, epoch["val_loss"]) for number, epoch in enumerate(epochs)]
    assert (config["steps.prune.with.final_sparsity"], config["seed"]) == (0.8, 3)
    assert (summary["run/seconds"], summary["run/constraints/missed"]) == (report["seconds"], 1)
    assert code == 0
    assert {"model.tflite", "report.json"} <= set(files)


@pytest.mark.parametrize(("ending", "code"), [("the step failed", 1), ("KeyboardInterrupt", 130)])
def test_a_run_that_fails_or_is_interrupted_is_closed(tmp_path, ending, code):
    tell("wandb", tmp_path, ending)
    _, _, summary, ended, _ = read(tmp_path)
    assert (summary["error"], ended) == (ending, code)


def test_nothing_is_sent_unless_it_is_asked_for(tmp_path):
    server = socket.create_server(("127.0.0.1", 0))
    callers = []

    def listen():
        while True:
            try:
                caller, _ = server.accept()
            except OSError:
                return
            callers.append(caller)
            caller.close()

    threading.Thread(target=listen, daemon=True).start()
    here = f"http://127.0.0.1:{server.getsockname()[1]}"
    names = ("WANDB_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    environment = {**os.environ, **dict.fromkeys(names, here), "WANDB_API_KEY": "0" * 40, "PYTHONPATH": str(TESTS)}

    def followed(
        folder, **more
    ):  # in a process of its own, since wandb's server keeps the environment that it began with
        code = (
            f"from pathlib import Path; from tracked_runs import tell; print(tell('wandb', Path({str(folder)!r}))[1])"
        )
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, env=environment | more, capture_output=True, text=True, check=True, timeout=200, cwd=tmp_path
        )
        return done.stdout.splitlines()[-1]

    try:
        assert followed(tmp_path / "offline") == "[]"
        assert callers == []
        told = followed(tmp_path / "online", WANDB_MODE="online", WANDB_INIT_TIMEOUT="5")
        assert "the tracker" in told and "(compressor" in told and "failed with" in told
        assert callers != []  # so the same server would have been called
    finally:
        server.close()
