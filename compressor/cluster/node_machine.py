"""A machine of a cluster as the jobs of another machine find it: its versions, its files and its cache."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from compressor.base.cache_folder import FOLDER_VARIABLE, default_folder
from compressor.base.versions import versions
from compressor.cluster.carried_files import Carried, Places
from compressor.run.cache.run_cache import CachePlace

THREADS: Final = "OMP_NUM_THREADS"  # which Ray sets to the task's CPUs; a recipe says with how many it computes
_places: list[Places] = []


@dataclass(frozen=True)
class Sender:
    """The machine and the process that a job is from.

    Attributes:
        versions: of the libraries there, which results depend on.
        cache: what `COMPRESSOR_CACHE` is there.
        threads: what `OMP_NUM_THREADS` is there.
    """

    versions: Mapping[str, str]
    cache: str
    threads: str

    @classmethod
    def here(cls) -> Sender:
        """This process."""
        return cls(dict(versions()), os.environ.get(FOLDER_VARIABLE, ""), os.environ.get(THREADS, ""))


def machine_name() -> str:
    """This machine, and which node of the cluster it is."""
    import ray

    return f"{platform.node()} ({ray.get_runtime_context().get_node_id()[:6]})"


def recipe_here(recipe: str, carried: Sequence[tuple[Carried, Any]]) -> str:
    """The recipe with this machine's paths, its files brought here where they are not."""
    import ray

    if not _places:
        _places.append(Places(Path.cwd() / "carried"))
    return _places[0].recipe_here(recipe, carried, ray.get)


def cache_here(place: CachePlace, sender: Sender) -> CachePlace:
    """The cache on this machine: the folder that its own `COMPRESSOR_CACHE` names, else the same one if it is there."""
    own = os.environ.get(FOLDER_VARIABLE, "")
    if (own and own != sender.cache) or not place.folder.is_dir():
        return replace(place, folder=default_folder())
    return place


def other_versions(sender: Sender) -> tuple[str, str] | None:
    """Compare versions with those of the driver: the problem and its remedy, where results would depend on it."""
    here = versions()
    other = [
        f"{name} {here[name]} instead of {known}" for name, known in sender.versions.items() if here[name] != known
    ]
    if not other:
        return None
    what = f"the machine {machine_name()} of the cluster has {', '.join(other)}, which gives other results"
    return what, "install the same versions there as here"


def as_sent_from(sender: Sender) -> None:
    """Compute as there, with as many threads, whatever Ray has set, and on GPUs only where some were demanded."""
    import ray

    if not ray.get_gpu_ids():
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if sender.threads:
        os.environ[THREADS] = sender.threads
    else:
        os.environ.pop(THREADS, None)
