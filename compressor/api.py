"""`load`, `plan` and `apply`: what the command line does, from Python."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from compressor import planner
from compressor.engine import run
from compressor.errors import OutputError
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
        observer: told of everything that happens.

    Returns:
        The report, and the folder that holds it, the final `model.tflite`, and every stage's files.

    Raises:
        CompressorError: the recipe, the data, the model or a step is at fault.
    """
    registry = registry or Registry.installed()
    if not isinstance(recipe, Plan):
        recipe = plan(recipe, overrides=overrides, registry=registry, seed=seed, smoke=smoke)
    folder = prepare_folder(recipe, output)
    return execute(recipe, folder, registry, observer or Observer()), folder


def execute(plan: Plan, folder: Path, registry: Registry, observer: Observer) -> Report:
    """Run a plan and write its results into a folder that exists.

    Raises:
        CompressorError: the data, the model or a step is at fault.
    """
    watchers = Watchers(observer, registry)
    result = run(plan, folder, watchers)
    report = summarise(result)
    (folder / "model.tflite").write_bytes(result.stages[-1].content)
    (folder / "recipe.yaml").write_text(dump(plan.recipe.tree.plain()), encoding="utf-8")
    (folder / "report.md").write_text(render_markdown(report), encoding="utf-8")
    (folder / "report.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    watchers.run_finished(report)
    return report


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
        if folder.is_dir() and any(folder.iterdir()):
            raise OutputError(f"the folder {folder} is not empty", "name another one, or remove it")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {folder} cannot be made ({error.strerror})", "name another one") from None
    return folder
