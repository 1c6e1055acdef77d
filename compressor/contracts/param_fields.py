"""What parameters of a plugin may be made of, beside pydantic's own: sizes in words, and text that stands for more."""

from __future__ import annotations

from compressor.base.sizes import format_size, parse_size
from compressor.recipe.training_params import or_text

__all__ = ["format_size", "or_text", "parse_size"]
