"""Takes part in the trainings of a run whose results another machine has."""

from __future__ import annotations

from pathlib import Path

from compressor.base.errors import CompressorError
from compressor.contracts.execution_plan import Plan
from compressor.contracts.observer import Observer
from compressor.recipe.training_params import TrainingDefaults
from compressor.run.cache.store import Cache
from compressor.run.engine import started


def refuse_small_batches(plan: Plan, devices: int) -> None:
    """Refuse trainings on batches that the devices of all machines cannot share.

    Raises:
        CompressorError: a batch has fewer samples than there are devices.
    """
    for step in plan.stages:
        params = step.strategy.params
        if isinstance(params, TrainingDefaults) and params.batch_size < devices:
            what = f"'{step.id}' trains on batches of {params.batch_size}, which {devices} devices cannot share"
            raise CompressorError(what, f"raise 'batch_size' to {devices} or more")


def follow(plan: Plan, folder: Path, cache: Cache, observer: Observer) -> None:
    """Take part in a run whose results worker 0 has.

    Args:
        plan: of the run, the same as that of worker 0.
        folder: for models while the run goes on.
        cache: for data that is read in order alone; nothing else is taken from it.
        observer: is told about everything that happens.

    Raises:
        CompressorError: something is at fault here, or the run is over.
    """
    with started(plan, folder, cache, observer) as run:
        for step in plan.stages:
            run.follow(step)
