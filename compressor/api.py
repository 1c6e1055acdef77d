"""`load`, `plan` and `apply`: the work of the command line, from Python."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from compressor.base.addresses import as_place
from compressor.base.disk_faults import disk_faults_named
from compressor.base.errors import CompressorError
from compressor.contracts.execution_plan import Plan
from compressor.contracts.observer import Observer, Observers
from compressor.contracts.report_rows import Report
from compressor.measure.kept_scores import kept_scores, scores_content
from compressor.planning import planner
from compressor.planning.asked_trackers import made_trackers, tracker_entries, with_trackers
from compressor.planning.registered import remember
from compressor.planning.registry import Registry
from compressor.recipe.load import load, with_overrides
from compressor.recipe.plugin_files import with_plugin_files
from compressor.recipe.sections import Recipe
from compressor.report.summary import summarise
from compressor.run.cache.code_digest import pin
from compressor.run.cache.run_cache import CachePlace, opened
from compressor.run.cache.store import Cache
from compressor.run.engine import started
from compressor.run.lockfile import (
    Lock,
    lock_of,
    read_lock,
    refuse_moved,
    refuse_other_files,
    with_files,
    with_locked_threads,
)
from compressor.run.plugin_observers import PluginHooks, plugin_hooks
from compressor.run.published_run import claimed_at
from compressor.run.run_folder import results_of, write_results
from compressor.run.status_file import RunStatus
from compressor.training.joining import group_for

if TYPE_CHECKING:
    from compressor.inspecting.content_rows import ModelContents
    from compressor.models.files.as_litert import InputShape

__all__ = ["apply", "inspect", "load", "plan", "register"]

T = TypeVar("T")


def register(brought: T) -> T:
    """Use a strategy, data set, model or metric by its name from now on, in this process; also as a decorator.

    A class of the same kind and name that was registered before is replaced, as when a cell of a notebook is run again.
    Results of a class that a notebook defines are never taken from the cache, and neither are those of a class whose
    file was edited since the process began. What runs is what was imported, or loaded anew by `importlib.reload`.

    Args:
        brought: a class, or a module or object with hooks.

    Raises:
        PluginError: it is not a plugin, or does not meet the contracts.
    """
    pin(remember(brought))
    return brought


def plan(
    recipe: Recipe | Mapping[str, Any] | str | Path,
    *,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    seed: int = 0,
    smoke: bool = False,
    plugins: Sequence[str | Path] = (),
) -> Plan:
    """Check a recipe against the installed plugins, without TensorFlow.

    Args:
        recipe: a recipe, or what `load` takes.
        overrides: `path=value` texts, as for `--set`.
        registry: the plugins; those installed by default, with what `register` was given.
        seed: the random seed.
        smoke: run a few samples and training steps only.
        plugins: local plugin files, beside those that the recipe names.

    Raises:
        RecipeError: with every problem that can be found without a model.
    """
    if isinstance(recipe, str | Path):
        return planner.prepare(recipe, overrides, registry, seed=seed, smoke=smoke, plugins=plugins)
    recipe = load(recipe, overrides) if isinstance(recipe, Mapping) else with_overrides(recipe, overrides)
    recipe = with_plugin_files(recipe, plugins)
    return planner.resolve(recipe, registry or Registry.installed(), seed=seed, smoke=smoke)


def apply(
    recipe: Plan | Recipe | Mapping[str, Any] | str | Path,
    *,
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    seed: int | None = None,
    smoke: bool = False,
    trust_model: bool = False,
    cache: str | Path | None = None,
    cache_from: Sequence[str | Path] = (),
    cache_limit: int | str | None = None,
    locked: str | Path | None = None,
    observer: Observer | None = None,
    plugins: Sequence[str | Path] = (),
    track: Sequence[str] = (),
) -> tuple[Report, Path]:
    """Run a recipe and write its results.

    Args:
        recipe: a plan, a recipe, or what `plan` takes.
        output: a folder that does not exist yet, or is empty; by default `runs/<recipe>/<time>-<hash>`. For an address,
            such as `s3://bucket/run`, the folder is that, and is published there when the run ends, also by an error.
        overrides: `path=value` texts, as for `--set`; a plan already includes them.
        registry: the plugins; those installed by default.
        seed: the random seed, 0 by default; a plan has its own.
        smoke: run a few samples and training steps, to see that the recipe works; a plan has its own setting.
        trust_model: let code in the model's file run, such as Lambda layers.
        cache: a folder, or an address such as `s3://bucket/cache` that machines share; by default `COMPRESSOR_CACHE`,
            or the user's own cache folder.
        cache_from: other caches, in folders or at addresses, that are read and never written to.
        cache_limit: what the cache folder may take, in bytes or as in `5GB`; what was used longest ago is removed.
        locked: the `lock.yaml` of a run; fail if anything would differ from that run.
        observer: is told about everything that happens.
        plugins: local plugin files, beside those that the recipe names; a plan already has them.
        track: names of trackers that follow the run, such as `tensorboard`; they change neither results nor cache.

    Returns:
        The report, and the folder with the report, the final `model.tflite`, its package if it is packed, and the files
        of every stage.

    Raises:
        CompressorError: the recipe, the data, the model or a step is at fault, or a tracker is not there.
    """
    registry = registry or Registry.installed()
    if not isinstance(recipe, Plan):
        recipe = plan(recipe, overrides=overrides, registry=registry, seed=seed or 0, smoke=smoke, plugins=plugins)
    elif overrides or seed is not None or smoke or plugins:
        raise CompressorError("overrides, seed, smoke and plugins cannot be set on a plan", "pass them to plan()")
    group_for(recipe.runtime)  # before anything is made
    recipe = replace(recipe, trust_model=recipe.trust_model or trust_model)
    observer = observer or Observer()
    lock = read_lock(Path(locked)) if locked else None
    registry = registry_for(recipe, registry, track)
    place = CachePlace.named(cache, cache_from, cache_limit)
    with (
        claimed_at(recipe, as_place(output) if output is not None else None, warn=observer.warned) as folder,
        opened(place, observer.warned) as step_cache,
    ):
        return execute(recipe, folder, registry, step_cache, observer, lock, track), folder


def registry_for(plan: Plan, registry: Registry, track: Sequence[str] = ()) -> Registry:
    """The registry with what the plan's own plugin files bring, which has the trackers of these names.

    Raises:
        CompressorError: there is no such tracker, or what one needs is not installed.
    """
    for path in plan.plugin_files:
        registry = registry if registry.has_file(path) else registry.with_file(path)
    tracker_entries(registry, track)
    return registry


def inspect(model: str | Path, *, input_shape: InputShape | None = None, trust_model: bool = False) -> ModelContents:
    """Read what is in a model file, as `compressor inspect` shows it; a Keras model is taken as it would ship.

    Args:
        model: a `.tflite` or `.tfpack` file, a Keras file, or the folder of a SavedModel.
        input_shape: the shape of a sample for a model with open sizes, or shapes by the names of inputs.
        trust_model: let code in the model's file run, such as Lambda layers.

    Raises:
        ModelError: there is no such file, it is damaged, or cannot be converted.
    """
    from compressor.inspecting.read_contents import read_contents

    return read_contents(Path(model), trust_model, input_shape)


def execute(
    plan: Plan,
    folder: Path,
    registry: Registry,
    cache: Cache,
    observer: Observer,
    locked: Lock | None = None,
    track: Sequence[str] = (),
) -> Report:
    """Run a plan and write its results into a claimed folder; `registry_for` has checked the trackers.

    Raises:
        CompressorError: the data, the model or a step is at fault, a disk is full or fails,
            or a file cannot be written.
    """
    with disk_faults_named(folder, cache.folder):
        registry = registry_for(plan, registry)
        registry = with_trackers(registry, made_trackers(registry, track, folder.absolute()))
        hooks = plugin_hooks(registry, folder.absolute(), observer.warned)
        status = RunStatus(folder.absolute(), plan)
        return _executed(plan, folder.absolute(), hooks, cache, Observers(observer, hooks, status), locked)


def _executed(
    plan: Plan, folder: Path, hooks: PluginHooks, cache: Cache, observer: Observer, locked: Lock | None
) -> Report:
    if locked is not None:
        plan = with_locked_threads(plan, locked)
    try:
        report = _run(plan, folder, hooks, cache, observer, locked)
    except (Exception, KeyboardInterrupt) as error:
        observer.run_failed(plan, str(error) or type(error).__name__)
        raise
    observer.run_finished(report)
    return report


def _run(plan: Plan, folder: Path, hooks: PluginHooks, cache: Cache, observer: Observer, locked: Lock | None) -> Report:
    with started(plan, folder, cache, observer) as run:
        lock = lock_of(plan, run.fingerprints)
        if locked is not None:
            refuse_moved(locked, lock)
        run.rehearse()
        for step in plan.stages:
            run.stage(step)
        run.time_calls()
        result, files = run.result(), run.files
    results = results_of(result.stages[-1].content)
    lock = with_files(
        lock, {**files, **{name: hashlib.sha256(content).hexdigest() for name, content in results.items()}}
    )
    if locked is not None:
        refuse_other_files(locked, lock)
    report = summarise(result, hooks.failures).model_copy(
        update={"fingerprints": lock.fingerprints, "code": lock.code, "files": lock.files}
    )
    test = result.stages[-1].measurement.scores
    scores = kept_scores(test, plan.metrics, run.fingerprints["test"], report.samples["test"])
    write_results(folder, plan, report, results, scores_content(scores), lock)
    return report.in_folder(folder)
