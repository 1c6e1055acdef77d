"""Runs the recipes of a batch on a Ray cluster, and writes what comes back into their folders here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from compressor.base.atomic_files import write_whole
from compressor.base.errors import CompressorError, ExitCode
from compressor.base.import_path import module_part, names_file
from compressor.cluster.node_machine import Sender
from compressor.cluster.node_run import RunJob, RunOutcome, run
from compressor.cluster.ray_address import On
from compressor.cluster.ray_connection import Cluster, Demand, connected
from compressor.cluster.ray_executor import carrier_to
from compressor.cluster.shipped_code import gather
from compressor.cluster.task_reports import TaskReports
from compressor.cluster.task_set import Lost, TaskSet
from compressor.contracts.execution_plan import Plan
from compressor.planning.recipe_paths import absolute
from compressor.recipe.document import dump
from compressor.recipe.function_files import code_names
from compressor.report.run_events import INTERRUPT
from compressor.report.stored_report import read_report
from compressor.run.batch import BatchRecipe
from compressor.run.cache.run_cache import CachePlace
from compressor.run.run_folder import CLAIM, LAST
from compressor.run.status_file import RunStatus

_LOOKS: Final = 0.5  # seconds between two looks at what tasks report


@contextmanager
def batch_cluster(on: On, recipes: Sequence[BatchRecipe]) -> Iterator[Cluster]:
    """Connect for the block; the modules that the recipes name are sent there.

    Raises:
        ClusterError: no cluster answers, or none of its machines has what is demanded.
    """
    trees = [recipe.plan.recipe.tree for recipe in recipes]
    modules = {module_part(name) for tree in trees for name in code_names(tree) if not names_file(name)}
    with TemporaryDirectory(prefix="compressor-code-") as code:
        gather(Path(code), modules)
        with connected(on.address, Path(code), logs=False) as cluster:
            for recipe in recipes:
                cluster.places(demand_of(on, recipe.plan))
            yield cluster


def demand_of(on: On, plan: Plan) -> Demand:
    """The CPUs, GPUs and memory that a run is declared to need."""
    return Demand(on.cpus or plan.threads, on.gpus, on.memory)


class RayBatch:
    """Runs all recipes at once, as far as the cluster has room."""

    def __init__(
        self,
        cluster: Cluster,
        on: On,
        cache: CachePlace | None,
        track: Sequence[str],
        say: Callable[[str], None],
        claim: Callable[[BatchRecipe, Plan], Path],
        over: Callable[[BatchRecipe, Plan, Path], None],
    ) -> None:
        """Prepare.

        Args:
            cluster: where.
            on: what each run is declared to need.
            cache: where the cache is; None for none.
            track: names of trackers.
            say: is told how far the runs are.
            claim: claims the folder of a run.
            over: is called when a run is over, and its folder is written.
        """
        self._cluster, self._on, self._cache, self._track = cluster, on, cache, track
        self._say, self._claim, self._over = say, claim, over
        self._carrier, self._sender = carrier_to(cluster), Sender.here()
        self._tasks = TaskSet(cluster)
        self._reports = TaskReports()
        self._runs: list[tuple[BatchRecipe, Plan, Path]] = []
        self._statuses: dict[int, RunStatus] = {}  # of the runs that are not over
        self._machines: dict[int, str] = {}

    def run(self, recipes: Sequence[BatchRecipe]) -> None:
        """Run them to the end; on an error or an interrupt, what runs is cancelled, and what is finished is kept.

        Raises:
            ClusterError: the cluster is gone, or its machines cannot run recipes.
        """
        try:
            for recipe in recipes:
                self._begin(recipe)
            while len(self._tasks):
                over = self._tasks.wait(_LOOKS)
                self._tell()
                if over is not None:
                    self._take(*over)
        finally:
            for number in self._tasks.cancel():
                self._statuses[number].run_failed(self._runs[number][1], INTERRUPT)

    def _begin(self, recipe: BatchRecipe) -> None:
        carried = self._carrier.carried_by(recipe.plan.recipe) if self._carrier else []
        for plan in recipe.plans:
            try:
                folder = self._claim(recipe, plan)
            except CompressorError as error:
                recipe.failed(str(error), error.exit_code)
                recipe.ended(lambda _: None)
                continue
            number = len(self._runs)
            self._runs.append((recipe, plan, folder))
            self._statuses[number] = RunStatus(folder, plan)
            text = dump(absolute(plan.recipe))
            track = tuple(self._track)
            job = RunJob(number, text, plan.seed, plan.smoke, plan.trust_model, track, self._cache)
            demand = demand_of(self._on, plan)
            self._tasks.begin(number, demand, run, job, carried, self._sender, self._reports.mailbox)

    def _take(self, number: int, outcome: Any) -> None:
        recipe, plan, folder = self._runs[number]
        if isinstance(outcome, Lost):
            recipe.failed(outcome.reason, ExitCode.STEP)
            self._statuses[number].run_failed(plan, outcome.reason)
        else:
            _write(outcome, plan, folder)
            if outcome.code in (ExitCode.DONE, ExitCode.CONSTRAINT):
                recipe.took(plan, read_report(folder))
            else:
                recipe.failed(outcome.error, outcome.code)
        self._over(recipe, plan, folder)

    def _tell(self) -> None:
        for number, kind, text in self._reports.take():
            recipe, plan, _ = self._runs[number]
            name = recipe.name if recipe.seeds is None else f"{recipe.name}, seed {plan.seed}"
            if kind == "begins":
                again = (
                    f", again, since its process on {self._machines[number]} was lost"
                    if number in self._machines
                    else ""
                )
                self._machines[number] = text
                self._say(f"{name}: begins on {text}{again}")
            else:
                self._say(f"{'warning: ' if kind == 'warning' else ''}{name}: {text}")


def _write(outcome: RunOutcome, plan: Plan, folder: Path) -> None:
    """Write the files of a run, the report last; the recipe has the paths of this machine."""
    for name in sorted(outcome.files, key=lambda name: (name in LAST, name)):
        if name == CLAIM:
            continue
        content: str | bytes = outcome.files[name]
        if name == "recipe.yaml":
            content = dump(absolute(plan.recipe))
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, content)
