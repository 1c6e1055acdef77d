"""`compressor status` as people and programs see it."""

import json
import re

import jsonschema
import pytest

from compressor.run.found_runs import status_schema

RUNNING = {
    "schema_version": 1, "kind": "run", "name": "prune_qat", "state": "running", "step": "qat", "step_number": 3,
    "steps": 4, "started": "2026-11-29T12:00:00+00:00", "seconds_left": 125.0, "bytes": 23_336, "metric": 0.9812,
    "metric_name": "accuracy", "metric_is_share": True,
}  # fmt: skip


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A run of this very process, one that failed, and a search that is done."""
    from compressor.base.process_identity import own_identity

    monkeypatch.setenv("TZ", "UTC")
    for path, status in {
        "runs/prune_qat/first": {**RUNNING, **own_identity()},
        "runs/ptq/second": {
            **RUNNING, "name": "ptq", "state": "failed", "step": "ptq", "step_number": 2, "steps": 2,
            "started": "2026-11-28T12:00:00+00:00", "message": "the step 'ptq' failed; mend it", "metric": 0.1234,
            "metric_name": "loss", "metric_is_share": False,
        },
        "searches/tiny/third": {
            **RUNNING, "kind": "search", "name": "tiny", "state": "finished", "step": "trial 20", "step_number": 20,
            "steps": 20, "started": "2026-11-27T12:00:00+00:00", "bytes": None, "metric": None, "metric_name": None,
        },
    }.items():  # fmt: skip
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "status.json").write_text(json.dumps(status))
    (tmp_path / "searches/tiny/third/search.json").write_text("{}")


def test_runs_and_searches_stand_in_a_table_with_why_one_failed(run, folders, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    code, out, err = run("status")
    lines = [re.sub(r" {2,}", "  ", line).strip() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert lines[0] == "run  state  step  started  left  size  metric  folder"
    assert lines[2:] == [
        "prune_qat  running  qat, 3 of 4  2026-11-29 12:00  2:05  23.3 kB  98.12 % accuracy  runs/prune_qat/first",
        "ptq  failed  ptq, 2 of 2  2026-11-28 12:00  -  23.3 kB  0.1234 loss  runs/ptq/second",
        "tiny (search)  finished  trial 20 of 20  2026-11-27 12:00  -  -  -  searches/tiny/third",
        "runs/ptq/second: the step 'ptq' failed; mend it",
    ]


@pytest.mark.parametrize("width", [30, 60, 80, 100])
def test_a_narrow_terminal_cuts_no_figure_and_says_what_it_leaves_out(run, folders, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = run("status")
    assert code == 0
    table = out.partition("not shown here")[0]
    assert max(map(len, table.splitlines())) <= width
    for word in ("running", "failed", "finished"):
        assert word in table
    assert "…" not in out
    if width < 100:
        assert "folder; a wider terminal has room for them, and --json has them" in " ".join(out.split())


def test_json_is_what_its_schema_says(run, folders):
    code, out, _ = run("status", "--json")
    found = json.loads(out)
    jsonschema.validate(found, status_schema())
    assert (code, found["schema_version"], found["folder"]) == (0, 1, ".")
    assert [(row["name"], row["state"], row["step_number"]) for row in found["entries"]] == [
        ("prune_qat", "running", 3), ("ptq", "failed", 2), ("tiny", "finished", 20),
    ]  # fmt: skip
    assert json.loads(run("schema", "--of", "status")[1]) == status_schema()


def test_a_folder_without_runs_and_none_at_all_are_told(run, tmp_path):
    assert run("status") == (0, "there are no runs or searches in .\n", "")
    assert run("status", "nowhere") == (1, "", "error: there is no folder nowhere; check the path\n")


def test_names_from_elsewhere_are_shown_as_they_are(run, tmp_path):
    made = tmp_path / "runs" / "x"
    made.mkdir(parents=True)
    (made / "status.json").write_text(
        json.dumps({**RUNNING, "state": "failed", "name": "a\x1b[31mb", "message": "c\nd"})
    )
    out = run("status")[1]
    assert "a\\x1b[31mb" in out
    assert "\x1b" not in out
