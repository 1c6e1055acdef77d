"""A process that fills a shared cache, for tests of several at once: URL, FOLDER, FIRST and LAST are its arguments."""

import random
import sys
from pathlib import Path

from compressor.run.cache.entry_file import key_of
from compressor.run.cache.run_cache import CachePlace, opened

SIZE = 2000


def parts_of(number):
    return {"number": number}


def content_of(number):
    return random.Random(number).randbytes(SIZE)


def fill(address, folder, first, last, warn):
    """Take entries from the cache, or make them."""
    made = 0
    with opened(CachePlace(Path(folder), address), warn) as cache:
        for number in range(first, last):
            parts = parts_of(number)
            entry = cache.get("step", key_of(parts))
            if entry is None:
                made += 1
                assert cache.put("step", key_of(parts), parts, {"number": number}, {"model": content_of(number)})
            else:
                assert entry.read("model") == content_of(number)
    return made


if __name__ == "__main__":
    warnings = []
    made = fill(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), warnings.append)
    print(made, warnings)
