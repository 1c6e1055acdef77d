"""A search and a compression whose folder is published at an address when they end."""

import json
from pathlib import Path

import pytest
from tiny_recipes import PTQ

from compressor.storage.remote_folder import RemoteFolder


@pytest.fixture
def address(tmp_path):
    return f"memory://{tmp_path.name}/search"


def published(address):
    return json.loads(RemoteFolder(address).read("published.json"))


def test_a_search_is_published_whole_when_it_ends_and_goes_on_in_its_folder_here(tiny, call, address):
    recipe = tiny(PTQ)
    code, _, err = call("search", recipe, "--sampler", "grid", "--trials", 1, "-o", address)
    assert code == 0, err
    assert err.splitlines()[-1] == f"the folder is published at {address}"
    (folder,) = Path("searches/tiny").iterdir()
    note = published(address)
    here = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert note["state"] == "finished" and sorted(note["files"]) == sorted(here)
    for name in ("journal.log", "front/01.yaml", "front/01/model.tflite"):
        assert RemoteFolder(address).read(name) == here[name].read_bytes()
    code, _, err = call("search", recipe, "--sampler", "grid", "--resume", folder, "-o", address)
    assert (code, err.splitlines()[-1]) == (
        1, f"error: {address} holds a search that is done; nothing was changed; to search again, name another address, "
        "or remove what is there",
    )  # fmt: skip
    code, _, err = call("search", recipe, "--sampler", "grid", "--resume", folder, "-o", f"{address}-2")
    assert code == 0, err
    assert RemoteFolder(f"{address}-2").read("journal.log") == here["journal.log"].read_bytes()
    assert json.loads(RemoteFolder(f"{address}-2").read("front/front.json"))["trials"][-1]["number"] == 3


def test_a_search_that_fails_is_published_as_such(tiny, call, address):
    recipe = tiny(PTQ.replace("source: tiny.npz", "source: none.npz"))
    Path("none.npz").write_bytes(b"no data")
    code = call("search", recipe, "--trials", 2, "-o", address)[0]
    assert code != 0
    assert published(address)["state"] == "failed"


@pytest.mark.parametrize("command", [["search", "tiny.yaml"], ["compress", "tiny.keras", "--data", "tiny.npz"]])
def test_what_cannot_be_published_or_gone_on_with_is_refused_before_anything_is_run(tiny, call, command):
    tiny(PTQ)
    code, _, err = call(*command, "--resume", "s3://team/s")
    assert (code, err.splitlines()[-1]) == (
        2, "Error: --resume takes the folder on this machine that the search was made in, which has its journal, and "
        "not an address; with --output s3://team/s, it is published there as well",
    )  # fmt: skip
    code, _, err = call(*command, "--output", "gs://team/s")
    assert (code, err.splitlines()[-1]) == (
        1, "error: gs://team/s needs gcsfs, which is not installed; run: pip install gcsfs"
    )  # fmt: skip
    assert not any(Path(parent).exists() for parent in ("searches", "compressed"))


@pytest.mark.long
def test_a_compression_is_published_with_its_answer(tiny, call, address):
    options = ("--data", "tiny.npz", "--max-drop", "20%", "--trials", 1)
    code, _, err = call("compress", "tiny.keras", *options, "-o", address)
    assert code == 0, err
    (folder,) = Path("compressed/tiny").iterdir()
    assert RemoteFolder(address).read("best/model.tflite") == (folder / "best/model.tflite").read_bytes()
