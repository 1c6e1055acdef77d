"""A cache that is kept within a limit while a run works."""

import os
import time

import pytest

from compressor.base.errors import CompressorError
from compressor.run.cache.entry_file import key_of
from compressor.run.cache.locks import InUse
from compressor.run.cache.run_cache import CachePlace, opened
from compressor.run.cache.store import Cache

EACH = 10_000


def key(number):
    return key_of({"number": number})


def put(cache, number, kind="step"):
    assert cache.put(kind, key(number), {"number": number}, {}, {"model": bytes(EACH)})


def old(cache, *numbers):
    """Have entries that were used some days ago, those named first the longest."""
    for place, number in enumerate(numbers):
        put(cache, number)
        then = time.time() - 86400 * (10 - place)
        os.utime(cache.path("step", key(number)), (then, then))


def kept(folder):
    keys = {entry.key for entry in Cache(folder).entries()}
    return [number for number in range(10) if key(number) in keys]


def test_those_used_longest_ago_go_when_the_cache_grows_and_it_is_told(tmp_path):
    old(Cache(tmp_path), 0, 1, 2)
    told = []
    with opened(CachePlace(tmp_path, limit=int(3.5 * EACH)), told.append) as cache:
        assert told == []
        put(cache, 3)
        assert kept(tmp_path) == [1, 2, 3]
        put(cache, 4)
        assert kept(tmp_path) == [2, 3, 4]
    size = sum(entry.bytes for entry in Cache(tmp_path).entries()) / 3 / 1000
    line = f"removed 1 cache entry used longest ago ({size:.1f} kB), to keep within 35.0 kB: {tmp_path}"
    assert told == [line, line]


def test_a_cache_that_is_too_large_already_is_cut_when_the_run_begins(tmp_path):
    old(Cache(tmp_path), 0, 1, 2, 3)
    told = []
    with opened(CachePlace(tmp_path, limit=int(2.5 * EACH)), told.append):
        assert kept(tmp_path) == [2, 3]
    assert [line.partition(" (")[0] for line in told] == ["removed 2 cache entries used longest ago"]


def test_what_runs_use_and_what_this_one_has_found_stays_and_that_is_told_once(tmp_path):
    old(Cache(tmp_path), 0, 1, 2)
    told = []
    with InUse(tmp_path) as in_use, opened(CachePlace(tmp_path, limit=int(3.5 * EACH)), told.append) as cache:
        in_use.add(key(0))
        assert cache.get("step", key(1)) is not None
        os.utime(cache.path("step", key(1)), (0, 0))
        put(cache, 3)
        assert kept(tmp_path) == [0, 1, 3]
        for number in (4, 5):
            in_use.add(key(number))
            put(cache, number)
    assert kept(tmp_path) == [0, 1, 4, 5]
    assert [line.partition(" (")[0].partition(", more")[0] for line in told] == [
        "removed 1 cache entry used longest ago", "removed 1 cache entry used longest ago", "the cache takes 41.1 kB",
    ]  # fmt: skip
    assert told[-1].endswith(f"more than its limit of 35.0 kB, with what runs are using, which stays: {tmp_path}")


def test_a_checkpoint_that_is_written_again_counts_once(tmp_path):
    told = []
    with opened(CachePlace(tmp_path, limit=int(2.5 * EACH)), told.append) as cache:
        put(cache, 0)
        for _ in range(10):
            put(cache, 1, "checkpoint")
    assert (kept(tmp_path), told) == ([0, 1], [])


@pytest.mark.parametrize(("limit", "size"), [("5GB", 5 * 10**9), (1000, 1000), ("1.5 MiB", 1572864)])
def test_a_limit_is_a_size(limit, size, tmp_path):
    assert CachePlace.named(tmp_path, limit=limit).limit == size


def test_what_is_no_size_is_refused(tmp_path):
    with pytest.raises(CompressorError) as error:
        CachePlace.named(tmp_path, limit="five")
    assert str(error.value) == (
        "the limit of the cache is wrong: 'five' is not a size; write bytes, or a number with kB, MB, GB, KiB, MiB or "
        "GiB; write it as in 5GB"
    )
