"""The tool installs with a C compiler and without one."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.long
@pytest.mark.parametrize("compiler", ["cc", "/bin/false"])
def test_a_wheel_has_the_compiled_part_where_there_is_a_compiler(tmp_path, compiler):
    source = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    for name in tracked.stdout.splitlines():
        if name.startswith(("compressor/", "plugins/", "recipes/", "pyproject", "README", "LICENSE")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        tmp_path,
        source,
    ]
    subprocess.run(command, check=True, timeout=300, env=os.environ | {"CC": compiler})
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    folder = "compressor/models/packing/"
    sources = ("native/mixing.c", "native/mixed_coder.c", "device/tfpack.c", "device/tfpack.h")
    assert all(f"{folder}{name}" in names for name in sources)
    built = [name for name in names if name.startswith(f"{folder}native/_compiled")]
    assert len(built) == (compiler == "cc")
    assert wheel.name.split("-")[2:4] == ["cp311", "abi3"]
