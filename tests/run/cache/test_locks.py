"""Locks and records of the runs that share a cache."""

import os
import time

from filelock import FileLock

from compressor.run.cache.locks import InUse, keys_in_use, making, sweep_locks


def hours_old(path, hours=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    then = time.time() - 3600 * hours
    os.utime(path, (then, then))
    return path


def test_lock_files_that_nobody_holds_are_swept_after_an_hour(tmp_path):
    old, fresh = hours_old(tmp_path / "locks" / "a.lock"), hours_old(tmp_path / "locks" / "b.lock", 0)
    orphan = hours_old(tmp_path / "running" / "c.lock")
    held = FileLock(tmp_path / "locks" / "d.lock")
    with held:
        hours_old(tmp_path / "locks" / "d.lock")
        sweep_locks(tmp_path)
        assert (tmp_path / "locks" / "d.lock").exists()
    assert not old.exists()
    assert not orphan.exists()
    assert fresh.exists()


def test_a_folder_that_takes_no_locks_stops_nobody(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with making(tmp_path / "cache", "key", lambda: None), InUse(tmp_path / "cache") as record:
        record.add("key")
    assert keys_in_use(tmp_path / "cache") == frozenset()
