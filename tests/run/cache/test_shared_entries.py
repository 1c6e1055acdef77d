"""A cache that machines share over a real S3 server, in memory, or in a folder: whole entries only, whoever writes."""

import signal
import socket
import subprocess
import sys
import threading
import time

import fsspec
import pytest
import s3_server
import shared_cache_writer
from shared_cache_writer import content_of, fill, parts_of

from compressor.base.errors import CompressorError
from compressor.run.cache import shared_entries
from compressor.run.cache.entry_file import key_of
from compressor.run.cache.run_cache import CachePlace, opened
from compressor.run.cache.store import Cache
from compressor.storage.remote_folder import RemoteFolder

KEY = key_of(parts_of(0))
PLACE = f"step/{KEY[:2]}/{KEY}"


def writers(address, folder, count, entries):
    """Have several processes write the same entries at once, each with a cache of its own: what they say."""
    command = [sys.executable, shared_cache_writer.__file__, address]
    running = [
        subprocess.Popen([*command, str(folder / str(number)), "0", str(entries)], stdout=subprocess.PIPE, text=True)
        for number in range(count)
    ]
    return [process.communicate(timeout=1200)[0] for process in running]


def files_in_memory(tmp_path):
    return sorted(fsspec.filesystem("memory").find(f"/{tmp_path.name}"))


def read_all(place, count):
    """Read entries on a machine that has none, without making any: those that were whole, and what was told."""
    warnings = []
    with opened(place, warnings.append) as cache:
        entries = [cache.get("step", key_of(parts_of(number))) for number in range(count)]
        right = [number for number, entry in enumerate(entries) if entry and entry.read("model") == content_of(number)]
    return right, warnings


def several_writers_and_a_damaged_entry(s3, tmp_path, count, contested, entries):
    address, settings = s3
    said = writers(address, tmp_path, count, contested)
    assert all(line.endswith("[]\n") for line in said), said
    began = time.monotonic()
    fill(address, tmp_path / "many", contested, entries, print)
    print(f"{entries} entries written in {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    assert read_all(CachePlace(tmp_path / "reader", "", (address,)), entries) == (list(range(entries)), [])

    print(f"{entries} entries read in {time.monotonic() - began:.1f} s")

    published = s3_server.content(settings, f"{tmp_path.name}/{PLACE}/entry.json").decode()
    damaged = next(
        name for name in s3_server.names(settings, f"{tmp_path.name}/{PLACE}/") if name.rpartition("/")[2] in published
    )
    s3_server.flip(settings, damaged)
    told = f"the cache at {address} holds a damaged entry (its hash does not match), which is made again: {PLACE}"
    second = CachePlace(tmp_path / "second", "", (address,))
    assert read_all(second, entries) == (list(range(1, entries)), [told])

    warnings = []
    assert fill(address, tmp_path / "third", 0, entries, warnings.append) == 1  # makes it again, and publishes it
    assert warnings == [told]
    assert read_all(CachePlace(tmp_path / "fourth", "", (address,)), entries) == (list(range(entries)), [])


def test_several_writers_of_the_same_entries_leave_whole_ones_and_a_damaged_one_is_made_again(s3, tmp_path):
    several_writers_and_a_damaged_entry(s3, tmp_path, count=3, contested=2, entries=4)


@pytest.mark.long
def test_ten_writers_leave_whole_entries_and_of_a_thousand_a_damaged_one_is_made_again(s3, tmp_path):
    several_writers_and_a_damaged_entry(s3, tmp_path, count=10, contested=5, entries=1000)


@pytest.mark.parametrize("kind", ["memory", "folder", "file"])
def test_entries_go_from_one_machine_to_another_over_memory_and_folders(tmp_path, kind):
    address = {
        "memory": f"memory://{tmp_path.name}/cache", "folder": str(tmp_path / "shared"),
        "file": (tmp_path / "shared").as_uri(),
    }[kind]  # fmt: skip
    warnings = []
    with opened(CachePlace.named(address), warnings.append) as cache:
        for number in range(3):
            assert cache.put("step", key_of(parts_of(number)), parts_of(number), {}, {"model": content_of(number)})
    place = CachePlace.named(tmp_path / "reader", [address])
    assert read_all(place, 3) == ([0, 1, 2], warnings)
    assert warnings == []


def test_a_folder_is_the_cache_itself_and_nothing_of_fsspec_is_imported(tmp_path):
    code = f"""
import sys
from compressor.run.cache.run_cache import CachePlace, opened
from compressor.run.cache.store import Cache
with opened(CachePlace.named({str(tmp_path / "cache")!r}), print) as cache:
    assert type(cache) is Cache and cache.put("step", "0" * 64, {{}}, {{}}, {{}})
print("fsspec" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_cache_that_is_only_read_is_never_written(tmp_path):
    address = f"memory://{tmp_path.name}/cache"
    fill(address, tmp_path / "writer", 0, 1, print)
    before = files_in_memory(tmp_path)
    with opened(CachePlace(tmp_path / "reader", "", (address,)), print) as cache:
        for number in range(2):
            cache.get("step", key_of(parts_of(number)))
            cache.put("step", key_of(parts_of(number)), parts_of(number), {}, {"model": b"mine"})
    assert files_in_memory(tmp_path) == before


def test_the_first_of_several_sources_that_has_an_entry_gives_it(tmp_path):
    caches = [Cache(tmp_path / name) for name in ("one", "two")]
    for number, cache in enumerate(caches):
        cache.put("step", key_of(parts_of(number)), parts_of(number), {}, {"model": content_of(number)})
    assert read_all(CachePlace(tmp_path / "reader", "", (tmp_path / "one", tmp_path / "two")), 2) == ([0, 1], [])


def test_a_damaged_entry_of_a_folder_that_is_read_stays_there_and_is_told(tmp_path):
    cache = Cache(tmp_path / "team")
    cache.put("step", KEY, parts_of(0), {}, {"model": content_of(0)})
    path = cache.path("step", KEY)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    told = f"the cache in {tmp_path / 'team'} holds a damaged entry (its hash does not match), which is made again: "
    assert read_all(CachePlace(tmp_path / "reader", "", (tmp_path / "team",)), 1) == ([], [f"{told}{path}"])
    assert path.exists()


def test_an_entry_that_only_this_machine_has_is_published_when_it_is_used(tmp_path):
    address = f"memory://{tmp_path.name}/cache"
    mine = Cache(tmp_path / "mine")
    mine.put("step", KEY, parts_of(0), {}, {"model": content_of(0)})
    fill(address, tmp_path / "mine", 0, 1, print)
    assert read_all(CachePlace(tmp_path / "other", "", (address,)), 1) == ([0], [])


def test_checkpoints_stay_on_the_machine(tmp_path):
    address = f"memory://{tmp_path.name}/cache"
    with opened(CachePlace(tmp_path / "cache", address), print) as cache:
        assert cache.get("checkpoint", KEY) is None
        assert cache.put("checkpoint", KEY, parts_of(0), {}, {"state": b"weights"})
    assert files_in_memory(tmp_path) == []


@pytest.mark.parametrize("published", [b"", b"{", b"[]", b'{"sha256": "../../x", "bytes": 1}', b'{"sha256": 1}'])
def test_a_damaged_note_of_what_is_published_is_told_and_written_anew(tmp_path, published):
    address = f"memory://{tmp_path.name}/cache"
    fill(address, tmp_path / "first", 0, 1, print)
    RemoteFolder(address).write(f"{PLACE}/entry.json", published)
    warnings = []
    assert fill(address, tmp_path / "second", 0, 1, warnings.append) == 1
    told = f"the cache at {address} holds a damaged entry (its entry.json is damaged), which is made again: {PLACE}"
    assert warnings == [told]
    assert read_all(CachePlace(tmp_path / "third", "", (address,)), 1) == ([0], [])


def test_an_entry_whose_file_the_server_has_removed_is_made_again(tmp_path):
    address = f"memory://{tmp_path.name}/cache"
    fill(address, tmp_path / "first", 0, 1, print)
    [name] = [path for path in files_in_memory(tmp_path) if not path.endswith(".json")]
    fsspec.filesystem("memory").rm(name)
    warnings = []
    assert fill(address, tmp_path / "second", 0, 1, warnings.append) == 1
    assert read_all(CachePlace(tmp_path / "third", "", (address,)), 1) == ([0], warnings)


KILLED = """
import os, signal, sys, threading, time
from pathlib import Path
from compressor.run.cache.entry_file import key_of
from compressor.run.cache.run_cache import CachePlace, opened
from compressor.storage.remote_folder import RemoteFolder
address, folder, seconds = sys.argv[1:]
size = 6_000_000 if seconds == "after" else 60_000_000
def kill(delay):
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGKILL)
send, write = RemoteFolder.send, RemoteFolder.write
def send_and_die(self, source, name):
    if seconds != "after":
        threading.Thread(target=kill, args=(float(seconds),), daemon=True).start()
    send(self, source, name)
def write_or_die(self, name, content):
    if name.endswith("entry.json"):
        kill(0)
    write(self, name, content)
RemoteFolder.send, RemoteFolder.write = send_and_die, write_or_die
with opened(CachePlace(Path(folder), address), print) as cache:
    cache.put("step", key_of({"number": 0}), {"number": 0}, {}, {"model": os.urandom(size)})
"""


@pytest.mark.parametrize(
    "seconds", [*(pytest.param(str(number / 20), marks=pytest.mark.long) for number in range(10)), "after"]
)
def test_nothing_is_read_of_an_upload_that_was_killed(s3, tmp_path, seconds):
    address, settings = s3
    command = [sys.executable, "-c", KILLED, address, str(tmp_path / "killed"), seconds]
    assert subprocess.run(command, timeout=120).returncode == -signal.SIGKILL
    assert not [name for name in s3_server.names(settings, f"{tmp_path.name}/step") if name.endswith(".json")]
    assert read_all(CachePlace(tmp_path / "reader", "", (address,)), 1) == ([], [])
    assert fill(address, tmp_path / "next", 0, 1, print) == 1
    assert read_all(CachePlace(tmp_path / "reader", "", (address,)), 1) == ([0], [])


def test_a_cache_that_is_not_there_is_told_once_and_costs_nothing_else(s3, tmp_path):
    address, _ = s3
    none = f"there is no cache at {address}; check the address; the run goes on without it"
    assert read_all(CachePlace(tmp_path / "cache", "", (address,)), 3) == ([], [none])
    missing = CachePlace(tmp_path / "cache", "s3://nobody/cache")
    told = "the cache at s3://nobody/cache cannot be written (there is no such bucket or folder); check the address; "
    assert read_all(missing, 3) == ([], [told + "buckets are not made; the run goes on without it"])
    folder = CachePlace(tmp_path / "cache", "", (tmp_path / "nothing",))
    told = f"there is no cache in {tmp_path / 'nothing'}; check the path; the run goes on without it"
    assert read_all(folder, 3) == ([], [told])


def test_a_server_that_refuses_or_is_down_is_told_once_without_secrets(s3, tmp_path, monkeypatch):
    address, _ = s3
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_server.free_port()}")
    told = f"the cache at {address} cannot be read (it cannot be reached); check the address and the network"
    assert read_all(CachePlace(tmp_path / "cache", address), 3) == ([], [f"{told}; the run goes on without it"])
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    told = f"the cache at {address} cannot be read (no credentials for it were found); set them up as its library has "
    assert read_all(CachePlace(tmp_path / "cache", address), 1)[1] == [
        f"{told}it, such as in AWS_PROFILE for S3; the run goes on without it"
    ]


def test_a_server_that_never_answers_is_given_up(s3, tmp_path, monkeypatch):
    address, _ = s3
    monkeypatch.setattr(shared_entries, "RemoteFolder", lambda address: RemoteFolder(address, seconds=1))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(20)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        told = f"the cache at {address} cannot be read (it did not answer within 1 s); check the address and the "
        found = read_all(CachePlace(tmp_path / "cache", address), 3)
        assert found == ([], [f"{told}network; the run goes on without it"])
        assert time.monotonic() - began < 10


def test_a_cache_of_another_version_is_not_used(tmp_path):
    address = f"memory://{tmp_path.name}/cache"
    RemoteFolder(address).write("compressor-cache.json", b'{"version": 2}')
    told = f"the cache at {address} has version 2, and this tool reads 1; use another address; "
    assert read_all(CachePlace(tmp_path / "cache", address), 2) == ([], [f"{told}the run goes on without it"])


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("gs://team/cache", "gs://team/cache needs gcsfs, which is not installed; run: pip install gcsfs"),
        ("s4://team/cache", "s4://team/cache cannot be opened, since fsspec knows no 's4://'; write it as in "
         "s3://bucket/folder, gs://, az:// or file://"),
        ("s3://key:secret@team/cache", "s3://team/cache cannot be used as an address; it holds a password, which logs "
         "and lists of processes would show; leave it out, and set it up for fsspec"),
        ("az://c/x?sig=abc", "az://c/x cannot be used as an address; leave out what follows '?' or '#'"),
        ("s3://", "s3: cannot be used as an address; it names no folder; write it as in s3://bucket/folder"),
        ("simplecache::s3://team/x", "simplecache::s3://team/x cannot be used as an address; chained addresses ('::') "
         "are not taken; give that of the storage itself"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused_before_the_run(tmp_path, address, message):
    for arguments in ((address,), (tmp_path, [address])):
        with pytest.raises(CompressorError) as error:
            CachePlace.named(*arguments)
        assert str(error.value) == message


def test_the_variable_may_hold_an_address(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPRESSOR_CACHE", "memory://team/cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert CachePlace.named() == CachePlace(tmp_path / "compressor", "memory://team/cache")
    monkeypatch.setenv("COMPRESSOR_CACHE", (tmp_path / "a b").as_uri())
    assert CachePlace.named() == CachePlace(tmp_path / "a b")


def test_writers_in_one_process_need_no_lock(tmp_path):
    address = f"memory://{tmp_path.name}/cache"
    threads = [
        threading.Thread(target=fill, args=(address, tmp_path / str(number), 0, 10, print)) for number in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert read_all(CachePlace(tmp_path / "reader", "", (address,)), 10) == (list(range(10)), [])
