"""`--notify` of the command line: its values, and the word that is sent for a run whose process was killed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click

from compressor.base.standard_output import tell
from compressor.cli.log_format import values_of

OPTION = "--notify"
VARIABLE = "COMPRESSOR_NOTIFY"


def checked_targets(_context: Any, _option: Any, targets: tuple[str, ...]) -> tuple[str, ...]:
    """The targets, if all of them are some."""
    from compressor.run.notice_targets import fault_of

    for target in targets:
        if fault := fault_of(target):
            raise click.BadParameter(fault)
    return targets


def notify_of_death(arguments: Sequence[str], message: str, interrupted: bool) -> None:
    """Send word of a run that could not do so itself, since its process was killed or has crashed."""
    targets = values_of(OPTION, arguments) or os.environ.get(VARIABLE, "").split()
    if not targets:
        return
    from compressor.run.notice_targets import fault_of
    from compressor.run.notifier import Notifier

    notifier = Notifier([target for target in targets if fault_of(target) is None])
    notifier.warn = lambda text: tell(f"warning: {text}")
    notifier.process_ended(message, interrupted)
