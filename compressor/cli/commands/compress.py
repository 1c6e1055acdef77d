"""`compressor compress`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from compressor.base.errors import ExitCode
from compressor.base.standard_output import say_json, tell
from compressor.cli.interrupts import is_interrupt
from compressor.cli.native_output import native_output_dropped, native_output_to
from compressor.cli.own_command import OwnCommand
from compressor.cli.resuming import resume_command
from compressor.cli.search_options import BegunSearch, SearchOptions, search_options

if TYPE_CHECKING:
    from compressor.contracts.report_rows import Report
    from compressor.planning.open_recipe import OpenRecipe
    from compressor.planning.registry import Registry
    from compressor.scaffolding.compression_space import CompressionSpace, Wanted
    from compressor.search.best_so_far import Kept
    from compressor.search.front import FrontPoint
    from compressor.search.trials import Budget, Search

_NAME = "best"


@click.command("compress", cls=OwnCommand)
@click.argument("model")
@click.option(
    "--data", metavar="SOURCE", required=True,
    help="A data file or folder, a registered data set, or package.module:function.",
)  # fmt: skip
@click.option("--max-size", metavar="SIZE", help="The largest .tflite file, as 25kB.")
@click.option("--max-packed-size", metavar="SIZE", help="The largest package (.tfpack), as 8kB; makes packages.")
@click.option("--max-drop", metavar="SHARE", help="The largest drop of the accuracy, as 0.5%.  [default: 1%]")
@click.option("--max-arena", metavar="SIZE", help="The most memory for tensors on a microcontroller, as 64kB.")
@click.option(
    "--max-latency-ratio", metavar="X", type=click.FloatRange(0, 1000, min_open=True),
    help="The longest time of a call, as a share of the model's as it is.",
)  # fmt: skip
@click.option("--target", metavar="DEVICE", help="The device that the file must fit, as for `compressor fit`.")
@click.option("--budget", metavar="TIME", default="15m", show_default=True, help="End after 15m, 90s or 1h30m.")
@click.option("--trials", type=click.IntRange(1, 100_000), help="End after so many trials, if that is sooner.")
@search_options("compressed", one_worker="1; with --on, as many as fit")
def command(
    model: str,
    data: str,
    max_size: str | None,
    max_packed_size: str | None,
    max_drop: str | None,
    max_arena: str | None,
    max_latency_ratio: float | None,
    target: str | None,
    budget: str,
    trials: int | None,
    options: SearchOptions,
) -> int:
    """Make MODEL, a file or a registered model, as small as the limits allow, without a recipe.

    What is tried depends on the model's layers. Choices are made on the validation split; the test split is read once,
    for the best, which is left with its report and its recipe. Ctrl-C keeps the best so far.
    """
    from compressor.search.trials import Budget

    if max_size is not None and max_packed_size is not None:
        raise click.UsageError("--max-size is of the .tflite file, --max-packed-size of its package; give one of them")
    minutes = _minutes(budget)
    wanted = _wanted(max_size, max_packed_size, max_drop, max_arena, max_latency_ratio, target)
    return _Compression(options).run(model, data, wanted, Budget(trials, minutes, cuts=True))


def _minutes(budget: str) -> float:
    from compressor.base.durations import parse_duration
    from compressor.scaffolding.recipe_choices import UsageError

    try:
        return parse_duration(budget) / 60
    except ValueError as error:
        raise UsageError(f"--budget: {error}") from None


def _wanted(
    size: str | None,
    packed: str | None,
    drop: str | None,
    arena: str | None,
    latency: float | None,
    target: str | None,
) -> Wanted:
    from compressor.scaffolding.compression_space import Wanted
    from compressor.scaffolding.recipe_choices import limits_of

    limits = limits_of(size, drop)
    packed_limits = limits_of(packed, None, "--max-packed-size")
    return Wanted(
        max_drop=limits.max_drop,
        max_size=limits.max_size,
        max_packed_size=packed_limits.max_size,
        packed_bytes=packed_limits.max_bytes,
        max_arena=limits_of(arena, None, "--max-arena").max_size,
        max_latency_ratio=latency,
        target=target,
    )


@dataclass(frozen=True)
class _Compression:
    """Looks at a model, searches, and ends with the best."""

    options: SearchOptions

    def run(self, model: str, data: str, wanted: Wanted, budget: Budget) -> int:
        """Run everything, and return the exit code."""
        from compressor.planning.open_recipe import planned_space
        from compressor.recipe.document import RecipeText
        from compressor.report.screen import Screen
        from compressor.scaffolding.new_recipe import recipe_name, space_of_model
        from compressor.search.best_so_far import Kept
        from compressor.search.compression_texts import introduction

        self._say(f"looking at {model}")
        name = recipe_name(model)
        with native_output_dropped(self.options.debug):
            known, learning, space = space_of_model(model, data, wanted, name, self.options.trust_model)
        opened, registry = planned_space(RecipeText(name, space.text))
        screen = Screen.of_messages()
        for text in introduction(known, learning, space, opened, budget.minutes or 0):
            for line in screen.words(text):
                self._say(line)
        with self.options.begun(opened, registry) as begun:
            self._say(f" working in {begun.place}; Ctrl-C keeps the best so far")
            kept = Kept(begun.folder, name)
            try:
                return self._search(opened, registry, kept, space, budget, begun)
            except BaseException as error:
                if is_interrupt(error):
                    return begun.interrupted(kept.text)
                if kept.has_result:
                    tell(kept.text)
                raise

    def _search(
        self,
        opened: OpenRecipe,
        registry: Registry,
        kept: Kept,
        space: CompressionSpace,
        budget: Budget,
        begun: BegunSearch,
    ) -> int:
        from compressor.base.atomic_files import write_whole
        from compressor.base.disk_faults import disk_faults_named
        from compressor.report.screen import Screen
        from compressor.run.cache.run_cache import opened as opened_cache
        from compressor.run.status_file import search_status
        from compressor.scaffolding.compression_space import WHY
        from compressor.scaffolding.first_trials import assignment_of
        from compressor.search.best_so_far import BestSoFar
        from compressor.search.compression_lines import CompressionLines
        from compressor.search.counted_trials import run_counted
        from compressor.search.front import FrontWriter, options_text
        from compressor.search.search_folder import clear_run
        from compressor.search.trials import Search
        from compressor.search.worker_pool import WorkerPool
        from compressor.search.worker_rows import Warnings

        folder, place, how = kept.folder, self.options.cache, self.options.of_runs
        workers = begun.workers or 1
        first = [choice for trial in space.first if (choice := assignment_of(trial, opened.space)) is not None]
        again = options_text(**how)
        write_whole(folder / "space.yaml", space.text)
        with (
            native_output_to(None if self.options.debug else folder / "run.log") as stream,
            CompressionLines(Screen(stream), self.options.as_json, workers, budget.minutes or 0) as lines,
            opened_cache(place, lines.warned) as cache,
            disk_faults_named(folder, cache.folder),
            search_status(folder, kept.name, budget.trials, resume_command(folder)) as status,
        ):
            with begun.cluster.executor(lines) if begun.cluster else WorkerPool(workers, lines) as executor:
                search = Search(opened, registry, folder, place, executor, first=first, keep_models=True, **how)
                kept.goals, kept.best = search.goals, BestSoFar(folder, opened, search.goals, again, WHY)
                kept.best.recall(search.records, folder / _NAME)
                lines.follow(search.goals, kept.best)
                run_counted(search, budget, lines, status)
            record = kept.best.record
            if record is not None:
                lines.say("measuring the best on the test split")
                clear_run(folder, _NAME)
                writer = FrontWriter(opened, search.goals, registry, cache, Warnings(lines), why=WHY, **how)
                try:
                    point, report = writer.point(record, folder, _NAME)
                except BaseException:
                    clear_run(folder, _NAME)  # the best so far is whole; half of another run beside it would mislead
                    raise
                kept.best.remove()
        if record is None:
            tell(f"error: no trial was measured to its end; the first one: {search.records[0].reason}")
            return ExitCode.CONSTRAINT
        return self._end(search, point, report)

    def _end(self, search: Search, point: FrontPoint, report: Report) -> int:
        from compressor.report.screen import Screen
        from compressor.report.terminal import print_report
        from compressor.search.compression_texts import answer_as_data, shortfall
        from compressor.search.front import options_text

        if self.options.as_json:
            say_json(answer_as_data(point, search.records, search.goals, report))
        else:
            screen = Screen()
            screen.show()
            print_report(report, screen)
            parts = ["model.tflite", "report.html", "report.md", "report.json"]
            for line in screen.joined(f" {point.run}/   ", parts):
                screen.show(line, wrap=False)
            again = options_text(**self.options.of_runs)
            told = f"the recipe; compressor apply{again} makes the same bytes of it"
            screen.show(f" {point.recipe}   {told}", wrap=False)
        if told := shortfall(point, search.records, report):
            tell(f"error: {told}")
            return ExitCode.CONSTRAINT
        return ExitCode.DONE

    def _say(self, text: str) -> None:
        if not self.options.as_json:
            tell(text)
