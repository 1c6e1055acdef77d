"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from compressor.cli.log_format import OPTION as LOG_FORMAT
from compressor.cli.notices import OPTION as NOTIFY
from compressor.cli.notices import VARIABLE, checked_targets
from compressor.cli.offers import SETTING, TRACKER
from compressor.cli.places import PLACE

F = TypeVar("F", bound=Callable[..., Any])


class _SeedCount(click.IntRange):
    """How many seeds; who names them is told what to write."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        if isinstance(value, str) and not value.strip().isdigit():
            self.fail(
                f"'{value}' is no number of seeds; 3 runs the seeds 0, 1 and 2, and --seed 7 that one", param, ctx
            )
        return super().convert(value, param, ctx)


SEED_COUNT = _SeedCount(1, 100)


def _input_shape(_context: Any, _option: Any, texts: tuple[str, ...]) -> list[int] | dict[str, list[int]] | None:
    """The shape of a sample, or shapes by the names of inputs; None where none is given."""
    shapes: dict[str, list[int]] = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        if not re.fullmatch(r"[1-9]\d*([,x][1-9]\d*)*", sizes) or (not name and len(texts) > 1):
            raise click.BadParameter(f"'{text}' is not like 64,64,3, or INPUT=64,64,3 for each of several inputs")
        shapes[name] = [int(size) for size in re.split("[,x]", sizes)]
    if "" in shapes:
        return shapes[""]
    return shapes or None


def size_of(_context: Any, _option: Any, text: str | None) -> int | None:
    """A size in bytes; None where none is given."""
    from compressor.base.sizes import parse_size

    if text is None:
        return None
    try:
        return int(str(parse_size(text)))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def cache_options(command: F) -> F:
    """The options that say where the cache is: `cache`, `cache_from` and `cache_limit`."""
    for option in (_cache_limit_option, _cache_from_option, _cache_option):
        command = option(command)
    return command


_cache_option = click.option(
    "--cache", metavar="FOLDER|URL", type=PLACE,
    help="Where finished steps are kept and looked for.  [default: $COMPRESSOR_CACHE, else your own cache folder]",
)  # fmt: skip
_cache_from_option = click.option(
    "--cache-from", metavar="FOLDER|URL", multiple=True, type=PLACE, envvar="COMPRESSOR_CACHE_FROM",
    help="Another cache to take finished steps from, which is not written to. May be repeated.",
)  # fmt: skip
_cache_limit_option = click.option(
    "--cache-limit", metavar="SIZE", callback=size_of, envvar="COMPRESSOR_CACHE_LIMIT",
    help="Keep the cache folder within this size, as in 5GB: what was used longest ago is removed.",
)  # fmt: skip
set_option = click.option(
    "--set", "overrides", metavar="PATH=VALUE", multiple=True, type=SETTING,
    help="Override a value of the recipe, as in steps.prune.with.final_sparsity=0.9.",
)  # fmt: skip
plugin_option = click.option(
    "--plugin", "plugins", metavar="FILE", multiple=True, type=click.Path(path_type=Path),
    help="A local plugin file, whose code is run. May be repeated.",
)  # fmt: skip
seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on standard output.")
debug_option = click.option("--debug", is_flag=True, help="Show tracebacks, and what the libraries print.")
traceback_option = click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
shape_option = click.option(
    "--input-shape", metavar="SIZES", multiple=True, callback=_input_shape,
    help="Shape of a sample, as 64,64,3, for a model with open sizes; INPUT=SIZES for each of several inputs.",
)  # fmt: skip
log_format_option = click.option(
    LOG_FORMAT, type=click.Choice(["text", "json"]), default="text", show_default=True, expose_value=False,
    help="How standard error tells of the run: for people, or one JSON object a line.",
)  # fmt: skip
notify_option = click.option(
    NOTIFY, metavar="URL|desktop", multiple=True, callback=checked_targets, envvar=VARIABLE,
    help="Send word when the run has ended: POST JSON to an address, or show it on the desktop. May be repeated.",
)  # fmt: skip
trust_option = click.option(
    "--trust-model", is_flag=True, help="Let code in the model's file run (Lambda layers); only for a file you trust."
)
track_option = click.option(
    "--track", metavar="NAME", multiple=True, type=TRACKER,
    help="Have a tracker follow the run: tensorboard, mlflow, wandb, or one of a plugin. May be repeated.",
)  # fmt: skip
