"""The folder of a run: used by one run at a time, and complete once it contains `report.json`, which comes last."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from compressor.base.atomic_files import HALF_WRITTEN, write_whole
from compressor.base.disk_faults import disk_fault, explained
from compressor.base.errors import OutputError
from compressor.contracts.execution_plan import Plan
from compressor.contracts.report_rows import Report
from compressor.measure.kept_scores import SCORES_FILE
from compressor.models.packing.package import SUFFIX, is_package, unpacked
from compressor.planning.asked_trackers import TRACKERS_FOLDER
from compressor.planning.recipe_paths import absolute
from compressor.recipe.document import dump
from compressor.report.data_formats import render_json
from compressor.report.markdown import render_markdown
from compressor.report.page.html_page import render_html
from compressor.run.lockfile import NAME, Lock, lock_text
from compressor.run.status_file import STATUS

CLAIM = ".running.lock"
_STAGES = "stages"
RESULTS = ("model.tflite", f"model{SUFFIX}")
_WRITTEN = {
    *(CLAIM, _STAGES, TRACKERS_FOLDER, "run.log", *RESULTS, SCORES_FILE, NAME, "recipe.yaml"),
    *("report.md", "report.html", STATUS),
}  # before report.json
_REPORT, _SEEDS = "report.json", "seeds.json"
LAST = (_REPORT, _SEEDS)  # a folder with one of these holds a run that is done
_SEED = re.compile(r"seed-\d+")  # the folder of one of several seeds


@contextmanager
def claimed(plan: Plan, output: str | Path | None, several: bool = False) -> Iterator[Path]:
    """Claim the folder for a run's results while the run goes on, and make it if it does not exist.

    The folder of an interrupted run, which has no report, may be used again. So may one for `several` seeds, of which
    some have no report.

    Raises:
        OutputError: it contains something else, another run writes to it, or it cannot be made.
    """
    folder = Path(output) if output is not None else _new_name(plan)
    try:
        others = [path for path in folder.iterdir() if not _is_left_over(path)] if folder.is_dir() else []
        if not all(several and _is_seed_folder(path) for path in others):
            raise _occupied(folder)
        folder.mkdir(parents=True, exist_ok=True)
        claim = FileLock(folder / CLAIM)
        claim.acquire(timeout=0)
    except Timeout:
        raise OutputError(f"another run is writing to the folder {folder}", "name another one") from None
    except OSError as error:
        if fault := disk_fault(error):
            raise explained(fault) from None
        raise OutputError(f"the folder {folder} cannot be made ({error.strerror})", "name another one") from None
    try:
        for path in (folder / _STAGES, *others):
            shutil.rmtree(path, ignore_errors=True)
        for path in folder.iterdir():
            if HALF_WRITTEN.fullmatch(path.name):
                path.unlink(missing_ok=True)
        yield folder
    finally:
        (folder / CLAIM).unlink(missing_ok=True)
        claim.release()


def results_of(content: bytes) -> dict[str, bytes]:
    """The files of a run's model by name: the `.tflite` file, and the package if it ships in one."""
    files = dict(zip(RESULTS, (unpacked(content), content), strict=True))
    return files if is_package(content) else {RESULTS[0]: content}


def write_results(
    folder: Path, plan: Plan, report: Report, results: Mapping[str, bytes], scores: bytes, lock: Lock
) -> None:
    """Write the results of a run beside its stages, the report as JSON last."""
    for name, content in results.items():
        write_whole(folder / name, content)
    write_whole(folder / SCORES_FILE, scores)
    write_whole(folder / NAME, lock_text(lock))
    write_whole(folder / "recipe.yaml", dump(absolute(plan.recipe)))
    write_whole(folder / "report.md", render_markdown(report))
    write_whole(folder / "report.html", render_html(report))
    write_last(folder / _REPORT, render_json(report))


def write_last(path: Path, text: str) -> None:
    """Write the file by which a folder holds a run that is done, or leave none there.

    Raises:
        OSError: it cannot be written, or it is not certain to stay.
    """
    try:
        write_whole(path, text)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _is_left_over(path: Path) -> bool:
    """Whether this is what a run writes before its report."""
    half = HALF_WRITTEN.fullmatch(path.name)
    return path.name in _WRITTEN or (half is not None and half["name"] in {*_WRITTEN, *LAST})


def _occupied(folder: Path) -> OutputError:
    """The error for a folder that holds something, such as a run that is done."""
    done = next((folder / name for name in LAST if (folder / name).is_file()), None)
    if done is None:
        return OutputError(f"the folder {folder} is not empty", "name another one, or remove it")
    report = done if done.name == _SEEDS else folder / "report.md"
    what = f"the folder {folder} holds a run that is done, with its report in {report}; nothing was changed"
    return OutputError(what, "to run it again, name another folder, or remove this one")


def _is_seed_folder(folder: Path) -> bool:
    """Whether this is the folder of a run with one of several seeds, with nothing else in it."""
    if not (_SEED.fullmatch(folder.name) and folder.is_dir()):
        return False
    return all(_is_left_over(path) or path.name == _REPORT for path in folder.iterdir())


def _new_name(plan: Plan) -> Path:
    now = datetime.now()
    unique = f"{plan.recipe.model_dump_json(by_alias=True)}{plan.seed}{now.isoformat()}"
    digest = hashlib.sha256(unique.encode()).hexdigest()
    return Path("runs") / plan.recipe.name / f"{now:%Y-%m-%dT%H-%M-%S}-{digest[:6]}"
