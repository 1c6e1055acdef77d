"""`compressor cache`."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

import click

from compressor.base.errors import ExitCode
from compressor.base.standard_output import say, say_json, tell
from compressor.cli.options import json_option, traceback_option
from compressor.cli.own_command import OwnGroup

if TYPE_CHECKING:
    from compressor.run.cache.store import Cache

_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@click.group("cache", cls=OwnGroup)
@traceback_option
def command() -> None:
    """Show, check or empty the cache of finished steps.

    The environment variable COMPRESSOR_CACHE names its folder; by default it is in your own cache folder.
    """


@command.command("list")
@json_option
def list_entries(as_json: bool) -> None:
    """List the entries with their sizes, the most recently used first."""
    from compressor.base.sizes import format_size

    cache = _cache()
    entries = sorted(cache.entries(), key=lambda entry: -entry.used)
    if as_json:
        rows = [{"kind": e.kind, "key": e.key, "bytes": e.bytes, "used": e.used} for e in entries]
        say_json({"folder": str(cache.folder), "entries": rows})
        return
    for entry in entries:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        say(f"{entry.kind:11} {entry.key[:16]}  {format_size(entry.bytes):>9}  used {when}")
    total = format_size(sum(entry.bytes for entry in entries))
    say(f"{len(entries)} entries, {total}, in {cache.folder}")


@command.command("verify")
def verify() -> int:
    """Read every entry and check its hash.

    Damaged entries and stray files are listed; if there are any, the exit code is 1.
    """
    cache = _cache()
    count = sum(1 for _ in cache.entries())
    damaged, strays = list(cache.damaged()), list(cache.strays())
    for entry, reason in damaged:
        say(f"damaged: {entry.path} ({reason})")
    for path in strays:
        say(f"stray: {path}")
    if damaged or strays:
        remedy = "'compressor cache prune' removes them, and the next run makes what it needs"
        tell(f"{len(damaged)} of {count} entries damaged, {len(strays)} strays; {remedy}")
        return ExitCode.INPUT
    say(f"{count} entries intact")
    return ExitCode.DONE


@command.command("prune")
@click.option("--keep", metavar="SIZE", help="Remove entries used longest ago until this size remains, as in 5GB.")
@click.option("--older-than", metavar="AGE", help="Remove entries not used for this long, as in 30d, 12h or 2w.")
@click.option("--dry-run", is_flag=True, help="Only show how much would be removed.")
def prune(keep: str | None, older_than: str | None, dry_run: bool) -> int:
    """Remove damaged entries and stray files, and other entries by size or age. What a live run uses stays.

    If a damaged entry or a stray file cannot be removed, the exit code is 1.
    """
    from compressor.base.sizes import format_size
    from compressor.run.cache.locks import keys_in_use, sweep_locks
    from compressor.run.cache.store import size_of

    cache = _cache()
    keep_bytes, seconds = _size(keep), _age(older_than)
    damaged, strays = [entry for entry, _ in cache.damaged()], list(cache.strays())
    unusable = [*(entry.path for entry in damaged), *strays]
    chosen = cache.prunable(keep_bytes, seconds, keys_in_use(cache.folder), frozenset(unusable))
    if dry_run:
        sizes = [entry.bytes for entry in chosen] + [size_of(path) for path in unusable if os.path.lexists(path)]
        say(f"would remove {len(sizes)} files, {format_size(sum(sizes))}")
        return ExitCode.DONE
    # a run may have replaced a damaged entry since
    freed = [cache.drop(entry.path) for entry in damaged if cache.is_damaged(entry)]
    freed += [cache.drop(path) for path in strays]
    # a run may have started since, and it records what it uses before looking for it
    freed += [cache.drop(entry.path) for entry in chosen if not keys_in_use(cache.folder) & {entry.key, entry.kind}]
    sweep_locks(cache.folder)
    cache.forget_old_notes()
    removed = [size for size in freed if size is not None]
    say(f"removed {len(removed)} files, {format_size(sum(removed))}")
    stay = [entry.path for entry in damaged if cache.is_damaged(entry)] + [
        path for path in strays if os.path.lexists(path)
    ]
    return ExitCode.INPUT if stay else ExitCode.DONE


def _cache() -> Cache:
    from compressor.base.cache_folder import default_folder
    from compressor.run.cache.store import Cache

    return Cache(default_folder())


def _size(text: str | None) -> int | None:
    from compressor.base.sizes import parse_size

    if text is None:
        return None
    try:
        size = parse_size(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--keep") from None
    return int(str(size))


def _age(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if match is None:
        raise click.BadParameter(f"'{text}' is not an age; write 30d, 12h or 2w", param_hint="--older-than")
    return float(match[1]) * _AGES[match[2]]
