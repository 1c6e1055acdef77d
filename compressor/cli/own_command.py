"""The class of all commands: while one runs, standard output is the tool's alone."""

from __future__ import annotations

from typing import Any

import click

from compressor.base.standard_output import owned


class OwnCommand(click.Command):
    """A command; what it runs may print, and that goes to standard error."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with owned():
            return super().invoke(ctx)


class OwnGroup(click.Group):
    """A group of commands, each of this class."""

    command_class = OwnCommand
