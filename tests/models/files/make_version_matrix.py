"""Makes the files in `versions/`: small models, saved by each version of Keras itself.

python tests/models/files/make_version_matrix.py           make every archive that is missing
python tests/models/files/make_version_matrix.py 3.2 2.13  make these again

Each version is installed in an environment of its own, which takes about 1 GB for half a minute. Keras 2 came as part
of TensorFlow until 2.15, and as `tf_keras` since. Needs `python3.8` and `python3.11` on PATH.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "versions"
_WRITER = Path(__file__).parent / "write_version_files.py"


@dataclass(frozen=True)
class Version:
    """How to install a version: `package` is what programs import, `over` what is installed without dependencies."""

    package: str
    requirements: tuple[str, ...]
    over: str = ""
    python: str = "python3.11"


def _of_tensorflow(minor: int) -> Version:
    pins = ("protobuf<3.21",) if minor < 10 else ()
    return Version(
        "tensorflow.keras",
        (f"tensorflow-cpu==2.{minor}.*", *pins),
        python="python3.8" if minor < 12 else "python3.11",
    )


VERSIONS = {
    **{f"2.{minor}": _of_tensorflow(minor) for minor in range(4, 16)},
    **{
        f"tf_keras-2.{minor}": Version("tf_keras", (f"tensorflow-cpu==2.{minor}.*", f"tf_keras==2.{minor}.*"))
        for minor in range(16, 22)
    },
    **{
        f"3.{minor}": Version(
            "keras",
            ("tensorflow-cpu==2.16.*", "dm-tree", "namex", "optree", "rich", "packaging", "setuptools<81"),
            f"keras==3.{minor}.*",
        )
        for minor in range(16)
    },
}


def make(name: str, room: Path) -> None:
    """Install a version in a folder, unless its requirements are there already, run it, and pack what it wrote."""
    version = VERSIONS[name]
    home = room / re.sub(r"\W+", "-", "environment " + " ".join(version.requirements))
    python, over, files = str(home / "bin" / "python"), room / f"over-{name}", room / f"files-{name}"
    if not home.exists():
        for other in room.glob("environment-*"):
            shutil.rmtree(other)
        _run(version.python, "-m", "venv", str(home))
        _run(python, "-m", "pip", "install", "-q", "--no-cache-dir", "--no-compile", *version.requirements)
    if version.over:
        _run(
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-cache-dir",
            "--no-compile",
            "--no-deps",
            "--target",
            str(over),
            version.over,
        )
    _run(python, str(_WRITER), str(files), version.package, environment={**os.environ, "PYTHONPATH": str(over)})
    print(name, (files / "versions.json").read_text(), flush=True)
    _pack(files, FOLDER / f"{name}.tar.xz")


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, env=environment)


def _pack(folder: Path, archive: Path) -> None:
    """Pack a folder, the same files into the same bytes."""
    FOLDER.mkdir(exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=9, format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            entry = tar.gettarinfo(path, str(path.relative_to(folder)))
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
            if path.is_file():
                with path.open("rb") as file:
                    tar.addfile(entry, file)


if __name__ == "__main__":
    missing = [name for name in VERSIONS if not (FOLDER / f"{name}.tar.xz").exists()]
    with tempfile.TemporaryDirectory() as temporary:
        for chosen in sys.argv[1:] or missing:
            try:
                make(chosen, Path(temporary))
            except subprocess.CalledProcessError as error:
                print(f"{chosen}: {error}", file=sys.stderr)
