"""`load`, `plan` and `apply`: what the command line does, from Python."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from compressor import planner
from compressor.cache import Cache, default_folder
from compressor.durable import write_whole
from compressor.engine import Run
from compressor.errors import OutputError
from compressor.lock import NAME, Lock, lock_of, lock_text, read_lock, refuse_moved, refuse_other_files, with_files
from compressor.observer import Observer
from compressor.planner import Plan
from compressor.recipe.document import dump
from compressor.recipe.load import load
from compressor.recipe.schema import Recipe
from compressor.registry import Registry
from compressor.render.markdown import render_markdown
from compressor.report import Report, summarise
from compressor.watchers import Watchers

__all__ = ["apply", "load", "plan"]


def plan(
    recipe: Recipe | Mapping[str, Any] | str | Path,
    *,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    seed: int = 0,
    smoke: bool = False,
) -> Plan:
    """Check a recipe against the installed plugins, without TensorFlow.

    Raises:
        RecipeError: with every problem that can be found without a model.
    """
    if isinstance(recipe, str | Path):
        return planner.prepare(recipe, overrides, registry, seed=seed, smoke=smoke)
    if isinstance(recipe, Mapping):
        recipe = load(recipe)
    return planner.resolve(recipe, registry or Registry.installed(), seed=seed, smoke=smoke)


def apply(
    recipe: Plan | Recipe | Mapping[str, Any] | str | Path,
    *,
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    seed: int = 0,
    smoke: bool = False,
    trust_model: bool = False,
    cache: str | Path | None = None,
    locked: str | Path | None = None,
    observer: Observer | None = None,
) -> tuple[Report, Path]:
    """Run a recipe and write its results.

    Args:
        recipe: a plan, a recipe, or what `plan` takes.
        output: a folder that does not exist yet, or is empty; by default `runs/<recipe>/<time>-<hash>`.
        overrides: `path=value` texts, as for `--set`.
        registry: the plugins; those installed by default.
        seed: of everything random.
        smoke: a short run, to see that the chain works.
        trust_model: let code in the model's file run, such as Lambda layers.
        cache: a folder; by default `COMPRESSOR_CACHE`, or the user's own cache folder.
        locked: the `lock.yaml` of a run; refuse to make anything but that run's files.
        observer: told of everything that happens.

    Returns:
        The report, and the folder that holds it, the final `model.tflite`, and every stage's files.

    Raises:
        CompressorError: the recipe, the data, the model or a step is at fault.
    """
    registry = registry or Registry.installed()
    if not isinstance(recipe, Plan):
        recipe = plan(recipe, overrides=overrides, registry=registry, seed=seed, smoke=smoke)
    recipe = replace(recipe, trust_model=recipe.trust_model or trust_model)
    folder = prepare_folder(recipe, output)
    watcher = observer or Observer()
    kept = Cache(Path(cache) if cache else default_folder(), watcher.warned)
    lock = read_lock(Path(locked)) if locked else None
    return execute(recipe, folder, registry, kept, watcher, lock), folder


def execute(
    plan: Plan, folder: Path, registry: Registry, cache: Cache, observer: Observer, locked: Lock | None = None
) -> Report:
    """Run a plan and write its results into a folder that exists.

    Raises:
        CompressorError: the data, the model or a step is at fault, or the disk is full.
    """
    try:
        return _executed(plan, folder, registry, cache, observer, locked)
    except OSError as error:
        what = f"the results cannot be written ({error.strerror or error})"
        raise OutputError(what, "free some space or mend the folder, and run the same command to go on") from error


def _executed(
    plan: Plan, folder: Path, registry: Registry, cache: Cache, observer: Observer, locked: Lock | None
) -> Report:
    watchers = Watchers(observer, registry)
    with Run(plan, folder, cache, watchers) as work:
        lock = lock_of(plan, work.fingerprints)
        if locked is not None:
            refuse_moved(locked, lock)
        for step in plan.stages:
            work.stage(step)
        result = work.result()
    report = summarise(result)
    write_whole(folder / "model.tflite", result.stages[-1].content)
    lock = with_files(lock, folder)
    write_whole(folder / NAME, lock_text(lock))
    write_whole(folder / "recipe.yaml", dump(plan.recipe.tree.plain()))
    write_whole(folder / "report.md", render_markdown(report))
    write_whole(folder / "report.json", report.model_dump_json(indent=2) + "\n")
    watchers.run_finished(report)
    if locked is not None:
        refuse_other_files(locked, lock)
    return report


def _is_cut(folder: Path) -> bool:
    """Whether a folder holds a run that did not come to its report, and nothing else: it may be written over."""
    written = {"run.log", "stages", "model.tflite", NAME, "recipe.yaml", "report.md"}  # report.json comes last
    return {path.name for path in folder.iterdir()} <= written


def prepare_folder(plan: Plan, output: str | Path | None) -> Path:
    """Make the folder for a run's results.

    Raises:
        OutputError: it holds something already, or cannot be made.
    """
    if output is None:
        recipe = plan.recipe
        now = datetime.now()
        unique = f"{recipe.model_dump_json(by_alias=True)}{plan.seed}{now.isoformat()}"
        digest = hashlib.sha256(unique.encode()).hexdigest()
        output = Path("runs") / recipe.name / f"{now:%Y-%m-%dT%H-%M-%S}-{digest[:6]}"
    folder = Path(output)
    try:
        if folder.is_dir() and any(folder.iterdir()) and not _is_cut(folder):
            raise OutputError(f"the folder {folder} is not empty", "name another one, or remove it")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {folder} cannot be made ({error.strerror})", "name another one") from None
    return folder
