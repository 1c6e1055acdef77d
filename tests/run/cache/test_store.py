"""The cache keeps whole entries only, and knows a damaged one."""

import errno
import os
import random
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.base import atomic_files
from compressor.run.cache.entry_file import key_of
from compressor.run.cache.locks import InUse, keys_in_use, making
from compressor.run.cache.store import Cache


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def cache(tmp_path, warnings):
    return Cache(tmp_path / "my cache", warnings.append)


def put(cache, number=1, size=1000, kind="step"):
    parts = {"number": number}
    content = random.Random(number).randbytes(size)
    assert cache.put(kind, key_of(parts), parts, {"fact": number}, {"model": content})
    return key_of(parts), content


def test_an_entry_comes_back_as_it_was_kept(cache, tmp_path):
    key, content = put(cache)
    entry = cache.get("step", key)
    assert entry.read("model") == content
    assert (entry.parts, entry.facts) == ({"number": 1}, {"fact": 1})
    entry.copy("model", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content


def test_keys_are_whole_hashes_and_do_not_depend_on_order():
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})
    assert len(key_of({})) == 64


def test_every_flipped_bit_is_found(cache, warnings):
    key, _ = put(cache, size=300)
    path = cache.path("step", key)
    whole = path.read_bytes()
    generator = random.Random(0)
    flips = [(at, 1 << generator.randrange(8)) for at in generator.sample(range(len(whole)), 400)]
    for at, bit in flips:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
        assert len(list(cache.damaged())) == 1
    path.write_bytes(whole)
    assert list(cache.damaged()) == []


@given(cut=st.integers(0, 1200), tail=st.binary(max_size=3))
@settings(max_examples=60, deadline=None)
def test_a_cut_or_lengthened_entry_is_dropped_with_a_warning(tmp_path_factory, cut, tail):
    warnings = []
    cache = Cache(tmp_path_factory.mktemp("cache"), warnings.append)
    key, _ = put(cache)
    path = cache.path("step", key)
    content = path.read_bytes()[:cut] + tail
    if content == path.read_bytes():
        return
    path.write_bytes(content)
    assert cache.get("step", key) is None
    assert not path.exists()
    assert warnings == [f"removed a damaged cache entry (its hash does not match): {path}"]


def test_an_entry_under_anothers_name_is_dropped(cache, warnings):
    key, _ = put(cache, 1)
    other, _ = put(cache, 2)
    cache.path("step", key).replace(cache.path("step", other))
    assert cache.get("step", other) is None
    assert "it belongs to another key" in warnings[0]


def test_a_foreign_file_is_no_entry(cache):
    key, _ = put(cache)
    stray = cache.path("step", key).with_name("notes.txt")
    stray.write_text("mine")
    assert [listing.key for listing in cache.entries()] == [key]
    assert list(cache.strays()) == [stray]


def test_a_full_disk_costs_the_entry_and_not_the_run(cache, warnings, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic_files.os, "fsync", full)
    parts = {"number": 1}
    assert not cache.put("step", key_of(parts), parts, {}, {"model": b"x"})
    assert warnings[0].startswith("a result could not be cached (No space left on device): ")
    monkeypatch.undo()
    assert cache.get("step", key_of(parts)) is None
    assert list(cache.strays()) == []


def test_a_disk_that_stays_full_is_told_once(cache, warnings, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic_files.os, "fsync", full)
    for number in range(3):
        assert not cache.put("checkpoint", key_of({"number": number}), {"number": number}, {}, {"state": b"x"})
    folder = cache.path("checkpoint", key_of({"number": 0})).parent
    assert warnings == [
        f"a result could not be cached (No space left on device): {folder}; "
        "the run goes on, but cannot resume from there"
    ]


def test_a_damaged_entry_that_a_run_made_anew_is_whole_again(cache):
    key, _ = put(cache)
    cache.path("step", key).write_bytes(b"damaged")
    ((entry, _),) = cache.damaged()
    assert cache.is_damaged(entry)
    put(cache)
    assert not cache.is_damaged(entry)


def test_what_was_used_longest_ago_goes_first(cache):
    keys = [put(cache, number)[0] for number in range(4)]
    for age, key in enumerate(reversed(keys)):
        os.utime(cache.path("step", key), (0, time.time() - 100 * (age + 1)))
    cache.get("step", keys[0])
    size = next(iter(cache.entries())).bytes
    gone = [entry.key for entry in cache.prunable(2 * size, None, frozenset())]
    assert gone == [keys[1], keys[2]]


def test_what_was_not_used_for_long_goes(cache):
    old, new = put(cache, 1)[0], put(cache, 2)[0]
    os.utime(cache.path("step", old), (0, time.time() - 1000))
    assert [entry.key for entry in cache.prunable(None, 500, frozenset())] == [old]
    assert new not in {entry.key for entry in cache.prunable(None, 500, frozenset())}


def test_what_a_running_run_uses_stays(cache):
    used, other = put(cache, 1)[0], put(cache, 2)[0]
    with InUse(cache.folder) as in_use:
        in_use.add(used)
        assert keys_in_use(cache.folder) == {used}
        assert [entry.key for entry in cache.prunable(0, None, keys_in_use(cache.folder))] == [other]
    assert keys_in_use(cache.folder) == frozenset()


def test_the_record_of_a_dead_run_is_cleared_away(cache):
    folder = cache.folder / "running"
    folder.mkdir(parents=True)
    (folder / "dead.json").write_text('["abc"]')
    assert keys_in_use(cache.folder) == frozenset()
    assert list(folder.glob("*.json")) == []


def test_only_one_makes_a_thing_at_a_time(cache):
    import threading

    order = []

    def second():
        with making(cache.folder, "k", lambda: order.append("waits")):
            order.append("second")

    with making(cache.folder, "k", lambda: order.append("never")):
        thread = threading.Thread(target=second)
        thread.start()
        while not order:
            time.sleep(0.01)
        order.append("first")
    thread.join()
    assert order == ["waits", "first", "second"]


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "a file"
    atomic_files.write_whole(path, "old")
    with pytest.raises(RuntimeError), atomic_files.whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a file"]


def test_a_folder_that_cannot_be_written_costs_the_cache_and_not_the_run(tmp_path):
    from compressor.run.cache.store import usable

    (tmp_path / "file").write_text("")
    warnings = []
    with usable(tmp_path / "file" / "cache", warnings.append) as cache:
        key, content = put(cache)
        assert cache.get("step", key).read("model") == content
        folder = cache.folder
    assert not folder.exists()
    assert warnings == [
        f"nothing is cached, since {tmp_path / 'file' / 'cache'} cannot be written (Not a directory); "
        "set COMPRESSOR_CACHE to another folder"
    ]


def test_a_usable_folder_is_marked_as_a_cache_for_backup_tools(tmp_path):
    from compressor.run.cache.store import usable

    with usable(tmp_path / "cache", print):
        tag = (tmp_path / "cache" / "CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_an_entry_that_is_pruned_between_look_and_read_is_a_miss(cache, tmp_path, monkeypatch):
    from compressor.run.stages import cached_stages

    parts = {"number": 1}
    assert cache.put("step", key_of(parts), parts, {"suffix": ".h5", "digest": "d"}, {"model": b"weights"})
    entry = cache.get("step", key_of(parts))
    entry.path.unlink()
    monkeypatch.setattr(cache, "get", lambda *_: entry)
    assert cached_stages.cached_model(cache, {"number": 1}, tmp_path, "0-a") is None
    assert cached_stages.cached_measurement(cache, {"number": 1}) is None


def test_an_entry_is_right_or_missing_while_another_process_prunes(cache, warnings):
    import threading

    done = threading.Event()

    def prune():
        while not done.is_set():
            for entry in cache.prunable(0, None, frozenset()):
                cache.drop(entry.path)
            assert list(cache.strays()) == []

    pruner = threading.Thread(target=prune)
    pruner.start()
    found = 0
    try:
        for number in range(300):
            key, content = put(cache, number % 7)
            with suppress(FileNotFoundError):  # dropped between the look and the read, which callers take for a miss
                if (entry := cache.get("step", key)) is not None:
                    assert entry.read("model") == content
                    found += 1
    finally:
        done.set()
        pruner.join()
    assert 0 < found < 300
    assert warnings == []
