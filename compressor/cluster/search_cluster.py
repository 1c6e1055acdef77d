"""The cluster of a search: connected before anything is tried, since what is tried depends on its number of places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from compressor.base.import_path import module_part, names_file
from compressor.base.machine import DEFAULT_THREADS
from compressor.base.text import counted
from compressor.cluster.ray_address import On
from compressor.cluster.ray_connection import Cluster, Demand, connected
from compressor.cluster.ray_executor import RayExecutor
from compressor.cluster.shipped_code import gather
from compressor.planning.open_recipe import OpenRecipe
from compressor.recipe.function_files import code_names
from compressor.search.worker_pool import PoolWatcher


@dataclass(frozen=True)
class SearchCluster:
    """A cluster, and how many trials are to run on it at once, each with what is demanded."""

    cluster: Cluster
    demand: Demand
    places: int

    def __str__(self) -> str:
        return f"{self.cluster.name}, {counted(self.places, 'trial')} at once with {self.demand} each"

    def executor(self, watcher: PoolWatcher) -> RayExecutor:
        """An executor that runs trials there."""
        return RayExecutor(self.cluster, self.demand, self.places, watcher)


@contextmanager
def search_cluster(on: On, opened: OpenRecipe, workers: int | None) -> Iterator[SearchCluster]:
    """Connect for the block.

    Args:
        on: the cluster.
        opened: the recipe, whose own modules are sent there.
        workers: how many trials at once; None for as many as fit.

    Raises:
        ClusterError: no cluster answers, or none of its machines has what is demanded.
    """
    tree = opened.space.tree
    threads = tree.find(("threads",))
    own = threads.value if threads is not None and isinstance(threads.value, int) else DEFAULT_THREADS
    demand = Demand(on.cpus or own, on.gpus, on.memory)
    modules = {module_part(name) for name in code_names(tree) if not names_file(name)}
    with TemporaryDirectory(prefix="compressor-code-") as code:
        gather(Path(code), modules)
        with connected(on.address, Path(code)) as cluster:
            fit = cluster.places(demand)
            yield SearchCluster(cluster, demand, workers or fit)
