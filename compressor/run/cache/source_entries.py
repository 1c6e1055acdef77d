"""Tells under which key the model that a run starts from is cached: by itself, or with the data that gave its sizes."""

from __future__ import annotations

from compressor.contracts.execution_plan import Plan
from compressor.run.cache.entry_file import key_of
from compressor.run.cache.keys import Parts, source_parts
from compressor.run.cache.store import Cache


def known_source_parts(plan: Plan, cache: Cache) -> Parts | None:
    """The parts of the key under which the model was stored, if it ever was; None if they are not known."""
    parts = source_parts(plan)
    if parts is None:
        return None
    return source_parts(plan, sized_by_data=True) if cache.recall(_note(parts)) else parts


def new_source_parts(plan: Plan, cache: Cache, sized_by_data: bool) -> Parts | None:
    """The parts of the key to store the model under, which `known_source_parts` finds from then on."""
    parts = source_parts(plan)
    if parts is None or not sized_by_data:
        return parts
    cache.remember(_note(parts), {"sized by": "data"})
    return source_parts(plan, sized_by_data=True)


def _note(parts: Parts) -> str:
    return f"sizes {key_of(parts)}"
