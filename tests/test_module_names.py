"""A module's name says where it is: no two modules of the core share one."""

from collections import Counter
from pathlib import Path

import compressor


def test_no_two_modules_of_the_core_have_one_name():
    names = Counter(path.name for path in Path(compressor.__file__).parent.rglob("*.py"))
    assert [name for name, count in names.items() if count > 1 and name != "__init__.py"] == []
