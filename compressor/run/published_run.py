"""The results of a run at an address: the run is made in a folder here, and published whole when it ends.

`published.json` says there how the run ended, and has the size and the SHA-256 of each file; it is written last.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, TypeAlias

from compressor.base.atomic_files import HALF_WRITTEN
from compressor.base.event_log import timestamp
from compressor.base.hashing import file_digest
from compressor.contracts.execution_plan import Plan
from compressor.run.run_folder import CLAIM, LAST, claimed
from compressor.storage.remote_folder import RemoteFolder
from compressor.storage.storage_errors import StorageError

PUBLISHED: Final = "published.json"
_INTERRUPTED_SECONDS = 5.0  # to publish what there is, when somebody waits for the command to end
_WITHIN = r"seed-\d+|front/\d+|best"  # the runs that are published with several seeds, and with a search
_RUN_WITHIN = re.compile(rf"(.+://.+)/({_WITHIN})/*")
_COMPARED = re.compile(rf"(({_WITHIN})/)?(report\.json|scores\.npz|lock\.yaml)|seeds\.json")
State: TypeAlias = Literal["running", "finished", "failed", "interrupted"]
_STATES: Final[tuple[State, ...]] = ("running", "finished", "failed", "interrupted")


@contextmanager
def claimed_at(
    plan: Plan,
    output: str | Path | None,
    several: bool = False,
    warn: Callable[[str], None] = lambda _: None,
    publishing: Callable[[], None] = lambda: None,
) -> Iterator[Path]:
    """Claim a folder for a run's results, as `run_folder.claimed` does, and publish it if `output` is an address.

    It is published when the block ends, also by an error; then what cannot be published is told by `warn`.

    Args:
        plan: of the run.
        output: an address, a folder, or None for a new folder.
        several: whether there are runs with several seeds in it.
        warn: is told what cannot be published of a run that failed.
        publishing: is called before anything is published.

    Raises:
        StorageError: a run at the address is done, or nothing can be written there; or not all of a run that is done.
        OutputError: the folder cannot be claimed.
    """
    address = output if isinstance(output, str) else None
    with (
        published_at(address, "run", warn, publishing) as publication,
        claimed(plan, None if address else output, several) as folder,
    ):
        publication.folder = folder
        yield folder


@dataclass
class Publication:
    """The folder that is to be published, once it is known, how its work ended, and how many files went there.

    `published` and `files` are 0 until it is published, and stay so where nothing of it could be.
    """

    folder: Path | None = None
    state: State = "finished"
    published: int = 0
    files: int = 0


@contextmanager
def published_at(
    address: str | None, what: str, warn: Callable[[str], None], publishing: Callable[[], None]
) -> Iterator[Publication]:
    """Publish a folder at an address when the block ends, also by an error; nothing for no address.

    Args:
        address: where.
        what: is made, a run or a search.
        warn: is told what cannot be published of what failed.
        publishing: is called before anything is published.

    Raises:
        StorageError: what is there is done, or nothing can be written there; or not all of what is done here.
    """
    publication = Publication()
    if address is None:
        yield publication
        return
    target = _PublishedRun(address, what)
    target.begin()
    try:
        yield publication
    except BaseException as error:
        publishing()
        try:
            target.publish(publication.folder, "interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
        except (StorageError, OSError) as fault:
            warn(f"{fault}; what the {what} left is in {publication.folder}")
        raise
    publishing()
    try:
        publication.published, publication.files = target.publish(publication.folder, publication.state)
    except StorageError as error:
        if publication.state != "finished":  # which the exit code is to say
            warn(f"{error}; what the {what} left is in {publication.folder}")
            return
        told = f"{error.what}; the {what} is done, and its results are in {publication.folder}"
        again = "again" if what == "run" else f"with --resume {shlex.quote(str(publication.folder))}"
        raise StorageError(told, f"{error.remedy}, and copy them, or give the same command {again}") from None


@contextmanager
def fetched_run(address: str) -> Iterator[Path]:
    """A folder with the reports, scores and locks of a run at an address; it goes when the block ends.

    Raises:
        StorageError: there is no run that is done, it cannot be read, or a file of it is not as it was published.
    """
    remote = RemoteFolder(address)
    published = _published(remote)
    within = _RUN_WITHIN.fullmatch(address)
    if published is None and within and _published(RemoteFolder(within[1])) is not None:
        with fetched_run(within[1]) as folder:
            yield folder / within[2]
        return
    if published is None:
        raise StorageError(f"there is no run at {remote.name}", "check the address")
    state, files = published.get("state"), _files(published)
    wanted = {name: facts for name, facts in files.items() if _COMPARED.fullmatch(name)}
    if not any(name.endswith("report.json") for name in wanted):
        has = {"running": "has not ended, or was killed", "interrupted": "was interrupted, and has no report"}
        what = has.get(str(state), f"has {state}, and has no report") if state in _STATES else "is damaged"
        raise StorageError(f"the run at {remote.name} {what}", "wait for it, or give its command again")
    with TemporaryDirectory(prefix="compressor-fetched-") as temporary:
        folder = Path(temporary) / (remote.name.rpartition("/")[2] or "run")
        for name, facts in wanted.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            is_there = remote.fetch(name, target, int(facts.get("bytes", 0)))
            if not is_there or file_digest(target) != facts.get("sha256"):
                what = f"{remote.name}/{name} is not as it was published"
                raise StorageError(what, "give the command of the run again, with an address where there is nothing")
        yield folder


class _PublishedRun:
    """A run or a search at an address, while it is made."""

    def __init__(self, address: str, what: str) -> None:
        self._remote = RemoteFolder(address)
        self._what = what
        self.name = self._remote.name

    def begin(self) -> None:
        """Say there that a run begins; what keeps it from being written is known from that.

        Raises:
            StorageError: it cannot be written, or holds something else.
        """
        published = _published(self._remote)
        if published is None and not self._remote.is_empty():
            raise StorageError(f"{self.name} is not empty", "name another address, or remove what is there")
        if published is not None and published.get("state") == "finished":
            what = f"{self.name} holds a {self._what} that is done; nothing was changed"
            raise StorageError(what, f"{self._again}, name another address, or remove what is there")
        self._say("running", {})

    @property
    def _again(self) -> str:
        return "to run it again" if self._what == "run" else "to search again"

    def publish(self, folder: Path | None, state: State) -> tuple[int, int]:
        """Copy the files of a folder there, those that say that a run is done last; how many went there, of how many.

        After an interrupt, these are as many as can be copied in some seconds, the smallest first.
        """
        until = time.monotonic() + _INTERRUPTED_SECONDS if state == "interrupted" else None
        self._remote.deadline = until
        paths = [path for path in folder.rglob("*") if _is_kept(path)] if folder else []
        files = {path.relative_to(folder).as_posix(): path for path in paths if folder}
        names = sorted(files, key=lambda name: (name.rpartition("/")[2] in LAST, files[name].stat().st_size, name))
        facts = {}
        for name in names:
            if until is not None and until - time.monotonic() < _INTERRUPTED_SECONDS / 2:
                break
            digest = file_digest(files[name])
            self._remote.send(files[name], name)
            facts[name] = {"sha256": digest, "bytes": files[name].stat().st_size}
        self._say(state, facts)
        return len(facts), len(files)

    def _say(self, state: State, files: dict[str, Any]) -> None:
        data = {"schema_version": 1, "state": state, "time": timestamp(), "files": files}
        self._remote.write(PUBLISHED, json.dumps(data, indent=1, sort_keys=True).encode())


def _published(remote: RemoteFolder) -> dict[str, Any] | None:
    """Read `published.json`; None if there is none.

    Raises:
        StorageError: it cannot be read, or is damaged.
    """
    content = remote.read(PUBLISHED)
    if content is None:
        return None
    try:
        data = json.loads(content)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise StorageError(f"{remote.name}/{PUBLISHED} is damaged", "remove it, and run the recipe again")
    return data


def _is_kept(path: Path) -> bool:
    return path.is_file() and path.name != CLAIM and not HALF_WRITTEN.fullmatch(path.name)


def _files(published: Mapping[str, Any]) -> dict[str, Any]:
    files = published.get("files")
    if not isinstance(files, dict) or not all(isinstance(facts, dict) for facts in files.values()):
        return {}
    return files
