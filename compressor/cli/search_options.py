"""The options that `search` and `compress` share, and how a search begins by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from compressor.base.errors import ExitCode
from compressor.cli.cluster_options import cluster_options, clustered
from compressor.cli.options import cache_options, debug_option, json_option, seed_option, trust_option
from compressor.cli.places import PLACE, SearchPlace
from compressor.cli.resuming import begins_in, tell_interrupted

if TYPE_CHECKING:
    from compressor.cluster.ray_address import On
    from compressor.cluster.search_cluster import SearchCluster
    from compressor.planning.open_recipe import OpenRecipe
    from compressor.planning.registry import Registry
    from compressor.run.cache.run_cache import CachePlace
    from compressor.run.published_run import Publication

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class SearchOptions:
    """How trials are run, and where the search and the cache are.

    `parent` is the folder that searches are made in unless one is named.
    """

    parent: str
    workers: int | None
    on: On | None
    where: SearchPlace
    cache: CachePlace
    seed: int
    smoke: bool
    trust_model: bool
    as_json: bool
    debug: bool

    @property
    def of_runs(self) -> dict[str, Any]:
        """The options that change the result of a run: its seed, and whether it is a smoke run or trusts the model."""
        return {"seed": self.seed, "smoke": self.smoke, "trust_model": self.trust_model}

    @contextmanager
    def begun(
        self, opened: OpenRecipe, registry: Registry, drawing: Mapping[str, str] | None = None
    ) -> Iterator[BegunSearch]:
        """Begin a search in a folder of its own, which is published when the block ends, if that is asked for.

        Args:
            opened: the recipe.
            registry: the plugins.
            drawing: how trials are chosen, which must be the same when the search goes on.
        """
        from compressor.search.search_folder import claimed_search, places_of
        from compressor.search.settings import settings_of

        before = places_of(self.where.resumed)
        as_before = self.workers or (before if before != 1 else None)
        with (
            self.where.published(self.as_json) as publication,
            clustered(self.on, opened, self.workers or before, self.debug) as cluster,
        ):
            workers = cluster.places if cluster else as_before
            settings = {**settings_of(opened, registry, self.seed, self.smoke, workers), **(drawing or {})}
            with claimed_search(self.where.folder, opened.name, settings, self.where.resume, self.parent) as folder:
                publication.folder = folder
                begins_in(folder, on_cluster=cluster is not None)
                yield BegunSearch(folder, workers, cluster, publication)


@dataclass(frozen=True)
class BegunSearch:
    """A search that has its folder and what it runs on.

    Attributes:
        folder: that it is made in.
        workers: how many trials run at once; None for one, in this process.
        cluster: that they run on; None for this machine.
        publication: of the folder.
    """

    folder: Path
    workers: int | None
    cluster: SearchCluster | None
    publication: Publication

    @property
    def place(self) -> str:
        """The folder, and the cluster if there is one, for people."""
        return f"{self.folder} on {self.cluster}" if self.cluster else str(self.folder)

    def interrupted(self, kept: str) -> int:
        """Say what is kept of a search that was interrupted, and return the exit code."""
        tell_interrupted(kept)
        self.publication.state = "interrupted"
        return ExitCode.INTERRUPTED


def search_options(parent: str, one_worker: str) -> Callable[[F], F]:
    """Give a command these options, as one argument: `options`, a `SearchOptions`.

    Args:
        parent: the folder that searches are made in unless one is named.
        one_worker: what happens without `--workers`, for its help.
    """
    ours = (
        click.option(
            "--workers", metavar="N", type=click.IntRange(1, 64),
            help=f"Run up to N trials at once, in processes of their own.  [default: {one_worker}]",
        ),
        cluster_options,
        click.option(
            "--output", "-o", type=PLACE,
            help=f"Folder or address for the results, new or empty.  [default: {parent}/<name>/<time>-<hash>]",
        ),
        click.option(
            "--resume", metavar="FOLDER", type=PLACE,
            help="Go on with the search in this folder; --trials counts its trials as well.",
        ),
        seed_option,
        click.option(
            "--smoke", is_flag=True, help="Run a few samples and training steps in each trial, to see that it works."
        ),
        trust_option, cache_options, json_option, debug_option,
    )  # fmt: skip

    def with_options(command: F) -> F:
        @wraps(command)
        def gathered(
            *,
            output: Path | str | None,
            resume: Path | str | None,
            cache: Path | str | None,
            cache_from: tuple[Path | str, ...],
            cache_limit: int | None,
            workers: int | None,
            on: On | None,
            seed: int,
            smoke: bool,
            trust_model: bool,
            as_json: bool,
            debug: bool,
            **others: Any,
        ) -> Any:
            from compressor.run.cache.run_cache import CachePlace
            from compressor.search.optuna_study import refuse_without_optuna
            from compressor.search.search_folder import refuse_missing

            where = SearchPlace.of(output, resume)
            refuse_without_optuna()
            refuse_missing(where.resumed)
            place = CachePlace.named(cache, cache_from, cache_limit)
            how = SearchOptions(parent, workers, on, where, place, seed, smoke, trust_model, as_json, debug)
            return command(options=how, **others)

        wrapped: Any = gathered
        for option in reversed(ours):
            wrapped = option(wrapped)
        result: F = wrapped
        return result

    return with_options
