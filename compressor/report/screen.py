"""The screen that reports, tables and progress are shown on: whatever is given to it as text is shown as it is.

It is rich's console without markup, emoji and highlighting, and with the gate for text in front.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, Literal, TextIO, TypeAlias

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.status import Status
from rich.table import Column
from rich.text import Text

from compressor.base import standard_output
from compressor.base.outgoing import message_lines, one_line
from compressor.report.screen_table import Align, laid_out

Part: TypeAlias = str | tuple[str, str]  # text, or text and its style


class Screen(Console):
    """A terminal, or a stream that stands in for one; by default, the tool's standard output.

    A `str` that is printed, or that stands in a table, is one line: line breaks and control characters are shown as
    escapes.
    """

    def __init__(self, file: IO[str] | None = None, width: int | None = None, **options: Any) -> None:
        stream = file or standard_output.output()
        if os.environ.get("TERM") in ("dumb", "unknown"):
            options.setdefault("height", 25)  # without which rich takes 80 columns for granted
        options |= {"markup": False, "emoji": False, "highlight": False}
        super().__init__(file=stream, width=width or _width_of(stream), **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """The text as the gate lets it out; every text that is printed or in a table comes through here."""
        layout = {key: value for key, value in options.items() if key in ("style", "justify", "overflow")}
        return Text(one_line(text, self.encoding), **layout)

    def show(self, *parts: Part, wrap: bool = True) -> None:
        """Print a line of parts; without `wrap` it is not broken into lines of the terminal's width."""
        self.print(self._text(*parts), soft_wrap=not wrap)

    def show_lines(self, text: str) -> None:
        """Print a text of several lines, which may be ours or of a plugin's docstring, without wrapping it."""
        for line in text.split("\n"):
            self.show(line, wrap=False)

    def message(self, text: str, style: str = "") -> None:
        """Print a message of one or several lines, without wrapping it."""
        for line in message_lines(text):
            self.show((line, style), wrap=False)

    def table(
        self,
        headings: Sequence[tuple[str, Align]],
        rows: Sequence[Sequence[Part]],
        choices: Sequence[Sequence[int]] = (),
        fold: bool = False,
    ) -> RenderableType:
        """A table that fits the screen, whatever its width: no figure is ever cut, and no word.

        Args:
            headings: the heading of each column, and its kind: text on the left, figures on the right, or what stays
                whole on the left. Only text is ever wrapped.
            rows: the cells of each row; the first one is the row's name.
            choices: the columns of the table, then of tables that take less room. The first one that fits is shown.
            fold: whether names may go over several lines, as those of layers may, which have no spaces.

        Returns:
            What to print: if even the last choice does not fit with its texts wrapped, a line for each cell.
        """
        return laid_out(
            [self._text(heading) for heading, _ in headings],
            [[self._text(cell) for cell in row] for row in rows],
            [align for _, align in headings],
            choices or [range(len(headings))],
            fold,
            self.width,
            ascii_only=one_line("─", self.encoding) != "─",
        )

    def shown(self, text: str) -> str:
        """The text as it will be shown, for those who lay out lines themselves."""
        return one_line(text, self.encoding)

    def waiting(self, text: str) -> Status:
        """A line that moves while something is under way, in a terminal only."""
        return self.status(self.render_str(text))

    def pinned(self) -> Live:
        """What stays below the lines that are printed, until it is stopped; `update` sets it."""
        return Live(console=self, auto_refresh=False, transient=True)

    def bars(self, width: int, length: int) -> Progress:
        """Bars of a length, each after its description, padded to a width, and before its status."""
        return Progress(
            _Words("description", width),
            BarColumn(bar_width=length),
            _Words("status"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self,
            refresh_per_second=5,
        )

    def on_broken_pipe(self) -> None:
        """Let the stream's own error stand, rather than end the process."""
        self.quiet = True

    def _text(self, *parts: Part) -> Text:
        pairs = [part if isinstance(part, tuple) else (part, "") for part in parts]
        return Text.assemble(*((one_line(text, self.encoding), style) for text, style in pairs))


class _Words(ProgressColumn):
    """A text of each task, which the screen renders."""

    def __init__(self, what: Literal["description", "status"], width: int = 0) -> None:
        # a status may take several lines, so that its figures are not cut
        super().__init__(Column(no_wrap=what == "description", overflow="fold"))
        self._what = what
        self._width = width

    def render(self, task: Task) -> Any:
        """The text."""
        text = task.description if self._what == "description" else str(task.fields["status"])
        return f" {text:<{self._width}}" if self._what == "description" else text


def _width_of(stream: IO[str] | TextIO) -> int | None:
    """The columns of the terminal that the stream is, unless rich finds them in COLUMNS or at standard input.

    There it also follows a terminal whose size changes.
    """
    with suppress(OSError, ValueError, AttributeError):
        if stream.isatty() and not os.environ.get("COLUMNS") and not os.isatty(0):
            return os.get_terminal_size(stream.fileno()).columns
    return None
