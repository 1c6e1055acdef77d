"""`compressor cache`: what is kept, whether it is whole, and how it goes."""

import json
import os
import time

import numpy as np
import pytest

from compressor.base.cache_folder import SPOOL
from compressor.data.spool import spooled
from compressor.run.cache.entry_file import key_of
from compressor.run.cache.locks import InUse
from compressor.run.cache.store import Cache


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def entries(cache):
    """Three entries of about 1 kB, used one, two and three days ago: their keys."""
    found = []
    for number, kind in enumerate(("step", "measurement", "checkpoint"), start=1):
        parts = {"number": number}
        cache.put(kind, key_of(parts), parts, {}, {"model": bytes(1000)})
        then = time.time() - 86400 * number
        os.utime(cache.path(kind, key_of(parts)), (then, then))
        found.append(key_of(parts))
    return found


def keys_of(cache):
    return {entry.key for entry in cache.entries()}


def stray(cache, hours):
    path = cache.folder / "step" / "ab" / ".half.tmp"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(500))
    os.utime(path, (0, time.time() - 3600 * hours))
    return path


def flip(path, place=100):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_an_empty_cache_lists_nothing(run, cache):
    assert run("cache", "list") == (0, f"0 entries, 0 B, in {cache.folder}\n", "")


def test_entries_are_listed_with_sizes_those_used_last_first(run, cache, entries):
    code, out, err = run("cache", "list")
    listed = list(cache.entries())
    when = {e.key: time.strftime("%Y-%m-%d %H:%M", time.localtime(e.used)) for e in listed}
    rows = [
        f"{kind:11} {key[:16]}  {'1.3 kB':>9}  used {when[key]}"
        for kind, key in zip(("step", "measurement", "checkpoint"), entries, strict=True)
    ]
    assert (code, err) == (0, "")
    assert {entry.bytes for entry in listed} <= set(range(1250, 1350))
    assert out.splitlines() == [*rows, f"3 entries, {sum(e.bytes for e in listed) / 1000:.1f} kB, in {cache.folder}"]


def test_json_lists_the_same(run, cache, entries):
    code, out, _ = run("cache", "list", "--json")
    data = json.loads(out)
    assert (code, data["folder"]) == (0, str(cache.folder))
    assert [row["key"] for row in data["entries"]] == entries
    assert {row["key"]: (row["kind"], row["bytes"], row["used"]) for row in data["entries"]} == {
        entry.key: (entry.kind, entry.bytes, entry.used) for entry in cache.entries()
    }


def test_a_whole_cache_is_said_to_be(run, entries):
    assert run("cache", "verify") == (0, "3 entries intact\n", "")


def test_a_flipped_byte_and_a_stray_are_named_and_exit_with_1(run, cache, entries):
    damaged, other = cache.path("step", entries[0]), stray(cache, 2)
    flip(damaged)
    assert run("cache", "verify") == (
        1,
        f"damaged: {damaged} (its hash does not match)\nstray: {other}\n",
        "1 of 3 entries damaged, 1 strays; "
        "'compressor cache prune' removes them, and the next run makes what it needs\n",
    )


def test_prune_removes_what_is_damaged_and_old_strays_only(run, cache, entries):
    flip(cache.path("step", entries[0]))
    old = stray(cache, 2)
    code, out, _ = run("cache", "prune")
    assert (code, out.startswith("removed 2 files, ")) == (0, True)
    assert not old.exists()
    assert keys_of(cache) == set(entries[1:])
    assert run("cache", "verify") == (0, "2 entries intact\n", "")
    young = stray(cache, 0.5)
    assert run("cache", "prune")[1] == "removed 0 files, 0 B\n"
    assert young.exists()


def test_prune_keeps_what_was_used_last_within_a_size(run, cache, entries):
    code, out, _ = run("cache", "prune", "--keep", "3 kB")
    assert (code, out) == (0, "removed 1 files, 1.3 kB\n")
    assert keys_of(cache) == set(entries[:2])
    run("cache", "prune", "--keep", "0")
    assert keys_of(cache) == set()


@pytest.mark.parametrize(("age", "left"), [("36h", 1), ("2.5d", 2), ("1w", 3), ("0s", 0)])
def test_prune_removes_what_was_not_used_for_so_long(run, cache, entries, age, left):
    assert run("cache", "prune", "--older-than", age)[0] == 0
    assert keys_of(cache) == set(entries[:left])


def test_a_damaged_entry_takes_no_room_from_whole_ones(run, cache, entries):
    flip(cache.path("step", entries[0]))
    run("cache", "prune", "--keep", "3 kB")
    assert keys_of(cache) == set(entries[1:])


def test_a_dry_run_removes_nothing(run, cache, entries):
    size = sum(entry.bytes for entry in cache.entries())
    assert run("cache", "prune", "--keep", "0", "--dry-run") == (0, f"would remove 3 files, {size / 1000:.1f} kB\n", "")
    assert keys_of(cache) == set(entries)


def test_what_a_running_run_uses_stays(run, cache, entries):
    with InUse(cache.folder) as in_use:
        in_use.add(entries[2])
        run("cache", "prune", "--keep", "0")
    assert keys_of(cache) == {entries[2]}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--keep", "5 bags", "'5 bags' is not a size; write bytes, or a number with kB, MB, GB, KiB, MiB or GiB"),
        ("--keep", "-1", "'-1' is not a size; write bytes, or a number with kB, MB, GB, KiB, MiB or GiB"),
        ("--older-than", "soon", "'soon' is not an age; write 30d, 12h or 2w"),
        ("--older-than", "30", "'30' is not an age; write 30d, 12h or 2w"),
    ],
)
def test_a_wrong_size_or_age_exits_with_2_and_removes_nothing(run, cache, entries, option, value, message):
    code, out, err = run("cache", "prune", option, value)
    assert (code, out) == (2, "")
    assert f"Error: Invalid value for {option}: {message}\n" in err
    assert keys_of(cache) == set(entries)


def test_a_file_that_is_being_written_is_no_stray(run, cache, entries):
    stray(cache, 0)
    assert run("cache", "verify") == (0, "3 entries intact\n", "")


def test_what_a_run_takes_into_use_after_the_choice_is_not_pruned(run, cache, entries, monkeypatch):
    from compressor.run.cache import locks

    answers = iter([frozenset(), frozenset(entries[:1]), frozenset(entries[:1]), frozenset(entries[:1])])
    monkeypatch.setattr(locks, "keys_in_use", lambda _: next(answers))
    code, out, err = run("cache", "prune", "--keep", "0B")
    assert code == 0
    assert out.startswith("removed 2 files, ")
    assert keys_of(cache) == {entries[0]}
    assert err == ""


def test_old_notes_go_with_a_prune_and_new_ones_stay(run, cache):
    cache.remember("old", {"a": 1})
    (old,) = (cache.folder / "notes").iterdir()
    then = time.time() - 100 * 86400
    os.utime(old, (then, then))
    cache.remember("new", {"a": 2})
    run("cache", "prune")
    assert cache.recall("old") is None
    assert cache.recall("new") == {"a": 2}


@pytest.fixture
def data(cache, monkeypatch):
    """Data that was spooled two and a half days ago: its folder."""
    monkeypatch.setattr("compressor.data.samples.IN_MEMORY_BYTES", 0)
    folder = cache.folder / SPOOL / ("d" * 64)
    spooled(lambda: [(np.zeros((100, 4)), np.arange(100))], folder.parent, folder.name)
    os.utime(folder, (0, time.time() - 86400 * 2.5))
    return folder


def test_spooled_data_is_listed_checked_and_pruned_as_entries_are(run, cache, entries, data):
    rows = json.loads(run("cache", "list", "--json")[1])["entries"]
    assert [row["kind"] for row in rows] == ["step", "measurement", "spool", "checkpoint"]
    assert rows[2]["bytes"] == sum(path.stat().st_size for path in data.iterdir()) > 4000
    assert run("cache", "verify") == (0, "4 entries intact\n", "")
    assert run("cache", "prune", "--older-than", "55h")[1].startswith("removed 2 files")
    assert not data.exists()


def test_damaged_data_is_named_and_goes(run, cache, data):
    flip(data / "0.npy", -1)
    code, out, _ = run("cache", "verify")
    assert (code, out) == (1, f"damaged: {data} (its content is not what was spooled)\n")
    assert run("cache", "prune")[1].startswith("removed 1 files")
    assert list(data.parent.iterdir()) == []


def test_data_stays_while_any_run_may_read_it(run, cache, data):
    with InUse(cache.folder) as run_under_way:
        run_under_way.add(SPOOL)
        assert run("cache", "prune", "--keep", "0")[1] == "removed 0 files, 0 B\n"
    assert run("cache", "prune", "--keep", "0")[1].startswith("removed 1 files")


def test_data_that_a_killed_process_left_half_written_goes_after_an_hour(run, cache, data):
    half = data.rename(data.parent / ".0123456789ab.tmp")
    assert run("cache", "verify")[0] == 0
    for path in (*half.iterdir(), half):
        os.utime(path, (0, time.time() - 7200))
    assert run("cache", "verify")[1] == f"stray: {half}\n"
    assert run("cache", "prune")[1].startswith("removed 1 files")
    assert not half.exists()
