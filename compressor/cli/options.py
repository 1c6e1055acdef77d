"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

set_option = click.option(
    "--set", "overrides", metavar="PATH=VALUE", multiple=True,
    help="Override a value of the recipe, as in steps.prune.with.final_sparsity=0.9.",
)  # fmt: skip
seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on standard output.")
debug_option = click.option("--debug", is_flag=True, help="Show tracebacks, and what the libraries print.")
traceback_option = click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
trust_option = click.option(
    "--trust-model", is_flag=True, help="Let code in the model's file run (Lambda layers); only for a file you trust."
)
