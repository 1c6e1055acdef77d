"""A run at an address: refused before it begins, published whole when it ends, and read from there."""

import json
from pathlib import Path

import numpy as np
import pytest
import s3_server
from run_folders import right, write_run

import compressor
from compressor.run.published_run import claimed_at, fetched_run, published_at
from compressor.storage.remote_folder import RemoteFolder
from compressor.storage.storage_errors import StorageError

ELSEWHERE = "to run it again, name another address, or remove what is there"


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return compressor.plan("ptq")


@pytest.fixture
def address(tmp_path):
    return f"memory://{tmp_path.name}/run"


def message_of(error):
    return str(error.value)


def published(address):
    return json.loads(RemoteFolder(address).read("published.json"))


def finished(plan, address, accuracy=None):
    """Make a run at an address, by hand."""
    with claimed_at(plan, address) as folder:
        folder.rmdir() if not any(folder.iterdir()) else None
        made = folder.parent / "made"
        write_run(made, right(9_000) if accuracy is None else accuracy)
        for path in made.iterdir():
            path.rename(folder / path.name)
        (folder / "stages").mkdir()
        (folder / "stages" / "0-baseline.tflite").write_bytes(bytes(1000))
        (folder / ".report.md.0123456789ab.tmp").write_bytes(b"half")
        made.rmdir()
    return folder


def test_a_run_is_published_whole_with_what_says_so_last(plan, s3):
    address, settings = s3
    folder = finished(plan, address)
    assert folder.is_relative_to("runs/ptq")
    prefix = address.removeprefix("s3://team/")
    names = ["lock.yaml", "published.json", "report.json", "scores.npz", "stages/0-baseline.tflite"]
    assert s3_server.names(settings, prefix) == [f"{prefix}/{name}" for name in names]
    note = json.loads(s3_server.content(settings, f"{prefix}/published.json"))
    assert (note["state"], list(note["files"])) == ("finished", sorted(set(names) - {"published.json"}))
    with fetched_run(address) as fetched:
        files = {path.name: path.read_bytes() for path in fetched.iterdir()}
    assert files == {name: (folder / name).read_bytes() for name in ("lock.yaml", "report.json", "scores.npz")}
    assert not fetched.exists()


def test_a_run_that_is_done_and_other_files_are_left_alone(plan, address):
    finished(plan, address)
    before = published(address)
    with pytest.raises(StorageError) as error, claimed_at(plan, address):
        raise AssertionError("it began")
    assert message_of(error) == f"{address} holds a run that is done; nothing was changed; {ELSEWHERE}"
    assert published(address) == before
    RemoteFolder(f"{address}-other").write("thesis.txt", b"mine")
    with pytest.raises(StorageError) as error, claimed_at(plan, f"{address}-other"):
        raise AssertionError("it began")
    assert message_of(error) == f"{address}-other is not empty; name another address, or remove what is there"


@pytest.mark.parametrize(("error", "state"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted")])
def test_what_a_run_left_that_failed_is_there_and_the_address_can_be_used_again(plan, address, error, state):
    with pytest.raises(error), claimed_at(plan, address) as folder:
        assert published(address)["state"] == "running"
        (folder / "run.log").write_text("what it said")
        raise error
    assert RemoteFolder(address).read("run.log") == b"what it said"
    assert (published(address)["state"], list(published(address)["files"])) == (state, ["run.log"])
    with pytest.raises(StorageError) as refused, fetched_run(address):
        pass
    has = f"the run at {address} {'has' if state == 'failed' else 'was'} {state}, and has no report"
    assert message_of(refused) == f"{has}; wait for it, or give its command again"
    finished(plan, address)
    assert published(address)["state"] == "finished"


def test_an_address_that_cannot_be_written_is_refused_before_the_run(plan, s3, tmp_path, monkeypatch):
    for address, reason in {
        "s3://nobody/run": "s3://nobody/run cannot be written (there is no such bucket or folder); check the address; "
        "buckets are not made",
        "gs://team/run": "gs://team/run needs gcsfs, which is not installed; run: pip install gcsfs",
    }.items():
        with pytest.raises(StorageError) as error, claimed_at(plan, address):
            raise AssertionError("it began")
        assert message_of(error) == reason
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_server.free_port()}")
    with pytest.raises(StorageError) as error, claimed_at(plan, s3[0]):
        raise AssertionError("it began")
    assert message_of(error).startswith(f"{s3[0]} cannot be read (it cannot be reached); check the address")
    assert not (tmp_path / "runs").exists()


def test_results_that_can_no_longer_be_published_stay_here(plan, address, monkeypatch):
    def fail(self, source, name):
        raise StorageError(f"{self.name} cannot be written (it cannot be reached)", "check the network")

    with pytest.raises(StorageError) as error, claimed_at(plan, address) as folder:
        (folder / "report.json").write_text("{}")
        monkeypatch.setattr(RemoteFolder, "send", fail)
    done = f"{address} cannot be written (it cannot be reached); the run is done, and its results are in {folder}; "
    assert message_of(error) == f"{done}check the network, and copy them, or give the same command again"
    assert (folder / "report.json").read_text() == "{}"
    told = []
    with pytest.raises(ValueError, match="the step"), claimed_at(plan, address, warn=told.append) as folder:
        (folder / "run.log").write_text("")
        raise ValueError("the step")
    left = f"{address} cannot be written (it cannot be reached); check the network; what the run left is in {folder}"
    assert told == [left]


def test_a_search_whose_results_can_no_longer_be_published_is_told_by_how_it_ended(address, tmp_path, monkeypatch):
    def fail(self, source, name):
        raise StorageError(f"{self.name} cannot be written (it cannot be reached)", "check the network")

    monkeypatch.setattr(RemoteFolder, "send", fail)
    folder, told = tmp_path / "my search", []
    folder.mkdir()
    (folder / "journal.log").touch()
    with pytest.raises(StorageError) as error, published_at(address, "search", told.append, told.clear) as publication:
        publication.folder = folder
    assert message_of(error).endswith(
        f"; the search is done, and its results are in {folder}; check the network, and copy them, or give the same "
        f"command with --resume '{folder}'"
    )
    with published_at(address, "search", told.append, told.clear) as publication:
        publication.folder, publication.state = folder, "interrupted"
    assert told == [
        f"{address} cannot be written (it cannot be reached); check the network; what the search left is in {folder}"
    ]
    assert publication.files == 0


def test_after_an_interrupt_it_is_known_how_much_was_published(address, tmp_path, monkeypatch):
    for size in (1, 2, 3):
        (tmp_path / f"{size}").write_bytes(bytes(size))
    send = RemoteFolder.send

    def slow(self, source, name):
        send(self, source, name)
        monkeypatch.setattr("compressor.run.published_run._INTERRUPTED_SECONDS", 1e9)  # time is over after the first

    monkeypatch.setattr(RemoteFolder, "send", slow)
    with published_at(address, "search", str, list) as publication:
        publication.folder, publication.state = tmp_path, "interrupted"
    assert (publication.published, publication.files, list(published(address)["files"])) == (1, 3, ["1"])


def test_a_file_that_was_changed_there_is_noticed(plan, address):
    finished(plan, address)
    RemoteFolder(address).write("report.json", b"{}")
    with pytest.raises(StorageError) as error, fetched_run(address):
        pass
    changed = f"{address}/report.json is not as it was published; give the command of the run again, with an address "
    assert message_of(error) == f"{changed}where there is nothing"


def test_names_of_files_that_lead_elsewhere_are_not_followed(plan, address):
    finished(plan, address)
    note = published(address)
    note["files"]["../../report.json"] = note["files"]["seed-1/../report.json"] = note["files"]["report.json"]
    RemoteFolder(address).write("published.json", json.dumps(note).encode())
    with fetched_run(address) as folder:
        assert sorted(path.name for path in folder.parent.rglob("*") if path.is_file()) == [
            "lock.yaml", "report.json", "scores.npz",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no run at {0}; check the address"),
        (b"{", "{0}/published.json is damaged; remove it, and run the recipe again"),
        (b'{"state": "running", "files": {}}', "the run at {0} has not ended, or was killed; wait for it, or give its "
         "command again"),
        (b'{"state": "finished", "files": []}', "the run at {0} has finished, and has no report; wait for it, or give "
         "its command again"),
        (b"{}", "the run at {0} is damaged; wait for it, or give its command again"),
    ],
)  # fmt: skip
def test_an_address_without_a_run_that_is_done_is_told(address, content, message):
    if content is not None:
        RemoteFolder(address).write("published.json", content)
    with pytest.raises(StorageError) as error, fetched_run(address):
        pass
    assert message_of(error) == message.format(address)


def test_reports_and_comparisons_read_from_addresses(plan, address, capsys):
    from compressor.cli import root
    from compressor.cli.boundary import run_guarded

    first, second = f"{address}/first", f"{address}/second"
    finished(plan, first)
    finished(plan, second, np.roll(right(9_100), 7))
    assert run_guarded(root, ["report", first, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipe"] == "prune_qat"
    assert run_guarded(root, ["compare", first, second, "--json"]) == 0
    assert [run["name"] for run in json.loads(capsys.readouterr().out)["runs"]] == [first, second]
    seeds = f"{address}/seeds"
    with claimed_at(plan, seeds, several=True) as folder:
        for seed in range(2):
            write_run(folder / f"seed-{seed}", right(9_000 + seed), seed=seed)
    assert run_guarded(root, ["report", seeds]) == 1
    several = f"{seeds} holds several runs; name one of them, such as {seeds}/seed-0"
    assert capsys.readouterr().err == f"error: {several}\n"
    assert run_guarded(root, ["report", f"{seeds}/seed-1", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["seed"] == 1
    assert run_guarded(root, ["compare", first, seeds, "--json"]) == 0
    capsys.readouterr()
    search = f"{address}/search"
    with published_at(search, "search", print, list) as publication:
        publication.folder = Path("searched")
        for name in ("front/01", "front/02"):
            write_run(publication.folder / name, right(9_000))
    assert run_guarded(root, ["report", search]) == 1
    told = f"error: {search} is the folder of a search; name a run of it, such as {search}/front/01\n"
    assert capsys.readouterr().err == told
    assert run_guarded(root, ["compare", f"{search}/front/01", f"{search}/front/02", "--json"]) == 0
    capsys.readouterr()
    assert run_guarded(root, ["report", f"{address}/third/best"]) == 1
    assert capsys.readouterr().err == f"error: there is no run at {address}/third/best; check the address\n"
    assert run_guarded(root, ["report", f"{address}/third"]) == 1
    assert capsys.readouterr().err == f"error: there is no run at {address}/third; check the address\n"
    assert run_guarded(root, ["report", first, "--open"]) == 2
    assert "a page at an address is shown from a file; give --output with --open." in capsys.readouterr().err
