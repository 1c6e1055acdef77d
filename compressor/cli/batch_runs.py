"""Several recipes in one command, one after the other here or as tasks on a cluster, with a summary at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.base.errors import CompressorError
from compressor.base.standard_output import say_json, tell
from compressor.cli.child_process import CLUSTER, PUBLISHING, Tell
from compressor.cli.native_output import native_output_dropped

if TYPE_CHECKING:
    from compressor.cluster.ray_address import On
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report
    from compressor.run.batch import BatchRecipe
    from compressor.run.cache.run_cache import CachePlace
    from compressor.run.notifier import Notifier


def outputs_of(plans: Sequence[Plan], output: Path | str | None) -> list[Path | str | None]:
    """Where the results of each plan go: in folders of `output` named after the recipes, or in new ones."""
    if output is None or len(plans) == 1:
        return [output] * len(plans)
    taken: list[str] = []
    for plan in plans:
        names = (plan.recipe.name, *(f"{plan.recipe.name}-{number}" for number in range(2, len(plans) + 2)))
        taken.append(next(name for name in names if name not in taken))
    return [output / name if isinstance(output, Path) else f"{output.rstrip('/')}/{name}" for name in taken]


@dataclass(frozen=True)
class BatchRuns:
    """Runs a batch, and shows it.

    Attributes:
        place: where the cache is.
        has_cache: whether that is kept for other runs.
        track: names of trackers.
        quiet: whether to show the results only.
        debug: whether to show what libraries print.
        tell_doing: is told what needs time to end after an interrupt.
        notifier: is told how each run on a cluster ended.
    """

    place: CachePlace
    has_cache: bool
    track: Sequence[str]
    quiet: bool
    debug: bool
    tell_doing: Tell
    notifier: Notifier | None

    def here(self, recipes: Sequence[BatchRecipe], run: Callable[[Plan, Path], Report]) -> None:
        """Run one after the other on this machine; one that fails does not keep the others from running."""
        try:
            for index, recipe in enumerate(recipes, 1):
                self._say(f"{index} of {len(recipes)}: {recipe.name}")
                for plan in recipe.plans:
                    try:
                        recipe.took(plan, run(plan, self._claim(recipe, plan)))
                    except CompressorError as error:
                        recipe.failed(str(error), error.exit_code)
                        self._say(f"{recipe.name}: failed: {error}")
                    recipe.ended(finish)
        finally:
            for recipe in recipes:
                recipe.leave()

    def on_cluster(self, on: On, recipes: Sequence[BatchRecipe]) -> None:
        """Run them on a cluster, several at once."""
        from compressor.cluster.ray_runs import RayBatch, batch_cluster

        self.tell_doing(CLUSTER)
        with ExitStack() as stack:
            with native_output_dropped(self.debug):
                cluster = stack.enter_context(batch_cluster(on, recipes))
            cache = self.place if self.has_cache else None
            try:
                RayBatch(cluster, on, cache, self.track, self._say, self._claim, self._over).run(recipes)
            finally:
                for recipe in recipes:
                    recipe.leave()

    def _claim(self, recipe: BatchRecipe, plan: Plan) -> Path:
        return recipe.open(plan, lambda text: tell(f"warning: {text}"), lambda: self.tell_doing(PUBLISHING))

    def _over(self, recipe: BatchRecipe, plan: Plan, folder: Path) -> None:
        report = recipe.reports.get(plan.seed)
        if self.notifier is not None:
            if report is not None:
                self.notifier.run_finished(report, folder)
            else:
                self.notifier.run_failed(plan, recipe.error, folder)
        name = recipe.name if recipe.seeds is None else f"{recipe.name}, seed {plan.seed}"
        self._say(f"{name}: {'done' if report is not None else f'failed: {recipe.error}'}, in {folder}")
        recipe.ended(finish)

    def _say(self, text: str) -> None:
        if not self.quiet:
            tell(text)


def finish(recipe: BatchRecipe) -> None:
    """Write what is said of all seeds of a recipe."""
    if recipe.seeds is not None and recipe.folder is not None:
        write_seeds([recipe.reports[seed] for seed in sorted(recipe.reports)], recipe.folder)


def write_seeds(reports: list[Report], folder: Path) -> None:
    """Write what is said of several seeds beside their folders, as the last file."""
    from compressor.base.outgoing import json_text
    from compressor.run.run_folder import write_last

    write_last(folder / "seeds.json", json_text(seeds_data(reports)) + "\n")


def seeds_data(reports: list[Report]) -> dict[str, Any]:
    """Several seeds of a recipe for programs."""
    from compressor.report.seeds import over_seeds

    return {
        "stages": [row.model_dump() for row in over_seeds(reports)],
        "reports": [report.model_dump(mode="json") for report in reports],
    }


def show_batch(recipes: Sequence[BatchRecipe], as_json: bool) -> int:
    """Show what came of each recipe, and return the exit code of the worst."""
    from compressor.run.batch import worst

    if as_json:
        say_json({"recipes": [_as_data(recipe) for recipe in recipes]})
    else:
        _print(recipes)
    for recipe in recipes:
        if recipe.error:
            tell(f"error: {recipe.name}: {recipe.error}")
        elif recipe.missed:
            tell(f"error: {recipe.name}: constraints not met: {', '.join(recipe.missed)}")
    return worst([recipe.code for recipe in recipes])


def _as_data(recipe: BatchRecipe) -> dict[str, Any]:
    reports = [recipe.reports[seed] for seed in sorted(recipe.reports)]
    return {
        "recipe": recipe.name,
        "folder": None if recipe.folder is None else str(recipe.folder),
        "exit_code": int(recipe.code),
        "error": recipe.error or None,
        "missed": recipe.missed,
        "reports": [report.model_dump(mode="json") for report in reports],
    }


def _print(recipes: Sequence[BatchRecipe]) -> None:
    from compressor.report.screen import Screen

    screen = Screen()
    screen.show()
    headings: list[tuple[str, Any]] = [("recipe", "whole"), ("runs", "right"), ("size", "right"), ("result", "left")]
    screen.print(screen.table(headings, [_cells(recipe) for recipe in recipes]))
    for recipe in recipes:
        if recipe.folder is not None:
            screen.show(f" {recipe.folder}/", wrap=False)


def _cells(recipe: BatchRecipe) -> list[str]:
    from compressor.base.sizes import format_size
    from compressor.report.figures import headline

    reports = [recipe.reports[seed] for seed in sorted(recipe.reports)]
    runs = f"{len(reports)} of {len(recipe.plans)}"
    size = format_size(reports[0].stages[-1].bytes) if reports else "-"
    if recipe.error:
        return [recipe.name, runs, size, "failed"]
    told = headline(reports[0]) if len(reports) == 1 else "done"
    return [recipe.name, runs, size, f"misses {', '.join(recipe.missed)}" if recipe.missed else told]
