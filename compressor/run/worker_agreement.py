"""Compares the machines that share the trainings of a run, and explains why one of them ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from compressor.contracts.execution_plan import Plan
from compressor.run.lockfile import differences, lock_of
from compressor.training.worker_group import WorkerGroup

named_differences = partial(differences, told=("there", "here"))
"""What differs between two workers, the first of which is worker 0."""


def must_be_alike(plan: Plan) -> Mapping[str, Any]:
    """What must be alike on all machines before they load anything: recipe, code, versions, and how they compute."""
    facts = lock_of(plan, {}).model_dump(mode="json", exclude={"files", "fingerprints", "processor"})
    return {**json.loads(json.dumps(facts)), "trust_model": plan.trust_model}


@contextmanager
def explained(group: WorkerGroup | None) -> Iterator[None]:
    """While the context lasts, an error that comes from the loss of another worker says so.

    Raises:
        WorkerError: another worker is gone, or has failed.
    """
    try:
        yield
    except BaseException as error:
        if group is None or (cause := group.explain(error)) is error:
            raise
        raise cause from error
