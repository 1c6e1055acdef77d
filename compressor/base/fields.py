"""Field types that several sections of a recipe share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from compressor.base.sizes import parse_size

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
DISTRIBUTION_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"  # as the packaging standard has it
MAX_ENTRIES = 64  # the most steps, metrics or plugin files in a recipe, so that checks stay fast
SourceText = Annotated[str, Field(min_length=1, max_length=1_000)]
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=80)]
Size = Annotated[int, Field(gt=0, le=10**15), BeforeValidator(parse_size, json_schema_input_type=int | str)]
Values = dict[str, Any]
