"""Parameters of strategies, models and data sets: pydantic models that reject unknown keys."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """Base of all parameters: immutable, no unknown keys, no infinities, and types as written (no "5" for 5)."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        populate_by_name=True,
        validate_default=True,
        defer_build=True,
    )
