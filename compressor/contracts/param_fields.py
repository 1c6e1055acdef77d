"""Defines types for a plugin's parameters, beside pydantic's own: sizes, text that stands for more, and searches."""

from __future__ import annotations

from compressor.base.search_domain import Search
from compressor.base.sizes import format_size, parse_size
from compressor.recipe.training_params import or_text

__all__ = ["Search", "format_size", "or_text", "parse_size"]
