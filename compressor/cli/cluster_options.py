"""The options of commands whose work may run on a Ray cluster: `--on`, and what each task is declared to need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from compressor.cli.child_process import CLUSTER
from compressor.cli.native_output import native_output_dropped
from compressor.cli.options import size_of

if TYPE_CHECKING:
    from compressor.cluster.ray_address import On
    from compressor.cluster.search_cluster import SearchCluster
    from compressor.planning.open_recipe import OpenRecipe

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--on", metavar="ray|ray://HOST:PORT",
        help="Run on a Ray cluster: that of $RAY_ADDRESS or one started here, or the one at an address.",
    ),
    click.option(
        "--task-cpus", metavar="N", type=click.FloatRange(0.1, 1024),
        help="CPUs that each task on the cluster is given.  [default: the recipe's threads]",
    ),
    click.option("--task-gpus", metavar="N", type=click.FloatRange(0, 64), help="GPUs that each is given."),
    click.option(
        "--task-memory", metavar="SIZE", callback=size_of,
        help="Memory that each is declared to need, as 4GB.  [default: in a search, what the first trial took]",
    ),
)  # fmt: skip


def cluster_options(command: F) -> F:
    """Give a command these options, as one argument: `on`, an `On`, or None where it runs here."""

    @wraps(command)
    def with_on(
        *arguments: Any,
        on: str | None,
        task_cpus: float | None,
        task_gpus: float | None,
        task_memory: int | None,
        **others: Any,
    ) -> Any:
        from compressor.cluster.ray_address import ADDRESS, On
        from compressor.cluster.ray_errors import refuse_without_ray

        if on is None:
            if task_cpus or task_gpus or task_memory:
                raise click.UsageError("--task-cpus, --task-gpus and --task-memory go with --on; add it")
            return command(*arguments, on=None, **others)
        if not ADDRESS.fullmatch(on):
            raise click.UsageError(f"--on is 'ray' or an address such as ray://head:10001, and not '{on}'")
        refuse_without_ray()
        return command(*arguments, on=On(on, task_cpus, task_gpus or 0, task_memory or 0), **others)

    wrapped: Any = with_on
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    result: F = wrapped
    return result


@contextmanager
def clustered(on: On | None, opened: OpenRecipe, workers: int | None, debug: bool) -> Iterator[SearchCluster | None]:
    """The cluster of `--on` for a search; what Ray says when it starts is not shown.

    Args:
        on: the cluster; None for a search on this machine.
        opened: the recipe.
        workers: how many trials at once; None for as many as fit.
        debug: whether to show what Ray says after all.
    """
    if on is None:
        yield None
        return
    from compressor.cluster.search_cluster import search_cluster

    click.get_current_context().obj(CLUSTER)
    with ExitStack() as stack:
        with native_output_dropped(debug):
            cluster = stack.enter_context(search_cluster(on, opened, workers))
        yield cluster
