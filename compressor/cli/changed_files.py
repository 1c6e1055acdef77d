"""Asks git which files have changed since a commit."""

from __future__ import annotations

import glob
import os
import subprocess
from collections.abc import Iterable
from pathlib import PurePath

from compressor.base.errors import CompressorError
from compressor.base.text import quoted, shortened


def changed_since(ref: str) -> set[str]:
    """The real paths of files that differ from the last commit in common with `ref`, new ones included.

    Raises:
        CompressorError: this is no git repository, or git does not know the commit.
    """
    top = _git("rev-parse", "--show-toplevel").strip("\n")
    try:
        commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
        base = _git("merge-base", commit, "HEAD").strip()
    except CompressorError as error:
        remedy = "fetch it first; in GitHub Actions, 'actions/checkout' needs 'fetch-depth: 0'"
        raise CompressorError(f"git knows no commit {quoted(ref)} that this one goes back to", remedy) from error
    names = _git("diff", "--name-only", "--no-renames", "-z", base, at=top) + _git(
        "ls-files", "--others", "--exclude-standard", "-z", at=top
    )
    return {os.path.realpath(os.path.join(top, name)) for name in names.split("\0") if name}  # noqa: PTH118


def concerns(files: Iterable[str], changed: Iterable[str]) -> bool:
    """Whether one of the files has changed, or something in a folder or of a pattern among them."""
    places = {os.path.realpath(file) for file in files}
    patterns = [place for place in places if glob.has_magic(place)]
    folders = tuple(f"{place}{os.sep}" for place in places)
    return any(
        path in places or path.startswith(folders) or any(PurePath(path).match(pattern) for pattern in patterns)
        for path in changed
    )


def _git(*arguments: str, at: str | None = None) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=at, capture_output=True, check=False)
    except OSError as error:
        raise CompressorError(f"git cannot be run ({error.strerror})", "install it, or leave out --since") from None
    if done.returncode:
        reason = shortened(done.stderr.decode("utf-8", "replace"), 200) or "no reason given"
        raise CompressorError(
            f"git {arguments[0]} failed: {reason}", "run this in a git repository, or leave out --since"
        )
    return os.fsdecode(done.stdout)
