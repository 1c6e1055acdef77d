"""The screen that reports, tables and progress are shown on: whatever is given to it as text is shown as it is.

It is rich's console without markup, emoji and highlighting, and with the gate for text in front.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, TextIO, TypeAlias

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.status import Status
from rich.table import Column
from rich.text import Text

from compressor.base import standard_output
from compressor.base.outgoing import message_lines, one_line
from compressor.report.screen_table import Align, laid_out

_BETWEEN = " · "
_DUMB = ("dumb", "unknown")  # what TERM may be
_SHORT_NAME = 10  # characters of a bar's name that every screen has room for
Part: TypeAlias = str | tuple[str, str]  # text, or text and its style


class Screen(Console):
    """A terminal, or a stream that stands in for one; by default, the tool's standard output.

    A `str` that is printed, or that stands in a table, is one line: line breaks and control characters are shown as
    escapes.
    """

    def __init__(self, file: IO[str] | None = None, width: int | None = None, **options: Any) -> None:
        stream = file or standard_output.output()
        if os.environ.get("TERM") in _DUMB:
            options.setdefault("height", 25)  # without which rich takes 80 columns for granted
        options |= {"markup": False, "emoji": False, "highlight": False}
        super().__init__(file=stream, width=width or _width_of(stream), **options)

    @classmethod
    def of_messages(cls) -> Screen:
        """The screen that messages go to: standard error."""
        return cls(sys.stderr)

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

    def words(self, text: str) -> list[str]:
        """Lines for `show` that are broken between words, in a terminal only; a path that is too long stays whole."""
        if not self.is_terminal:
            return [text]
        return textwrap.wrap(
            self.shown(text), self.width, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False
        )

    def table(
        self,
        headings: Sequence[tuple[str, Align]],
        rows: Sequence[Sequence[Part]],
        choices: Sequence[Sequence[int]] = (),
        fold: bool = False,
        elsewhere: str = "--json",
    ) -> RenderableType:
        """A table that fits the screen, whatever its width: no figure is ever cut, and no word.

        A line below it names the columns that are left out, if any.

        Args:
            headings: the heading of each column, and its kind: text on the left, figures on the right, or what stays
                whole on the left. Only text is ever wrapped.
            rows: the cells of each row; the first one is the row's name.
            choices: the columns of the table, then of tables that take less room. The first one that fits is shown.
            fold: whether names may go over several lines, as those of layers may, which have no spaces.
            elsewhere: what has the columns that are left out, for the line that names them.

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
            elsewhere=elsewhere,
        )

    def shown(self, text: str) -> str:
        """The text as it will be shown, for those who lay out lines themselves."""
        return one_line(text, self.encoding)

    def waiting(self, text: str) -> Status:
        """A line that moves while something is under way, in a terminal only."""
        return self.status(self.render_str(text))

    def bars(self, names: Sequence[str]) -> Progress:
        """Bars, each with a name before it, and behind it as many of the texts that its field `parts` gives as fit.

        Args:
            names: that the bars may have; long ones go over several lines.
        """
        width = min(max(map(len, map(self.shown, names))), max(_SHORT_NAME, self.width // 3))
        above = self._shows_errors
        return Progress(
            _Name(width), _Bar(self), _Parts(width, self), console=self, refresh_per_second=5,
            redirect_stdout=above, redirect_stderr=above,
        )  # fmt: skip

    def joined(self, start: str, parts: Sequence[str]) -> list[str]:
        """Lines that begin with a text and have the parts behind it, none of which is broken unless it must be."""
        lines, begun, between = [], start, ""
        for part in parts:
            if begun.strip() and len(self.shown(f"{begun}{between}{part}")) > self.width:
                lines.append(begun.rstrip())
                begun, between = "   ", ""
            begun += between + part
            between = _BETWEEN
        return [*lines, begun]

    def pinned(self) -> Live:
        """What stays below the lines that are printed, until it is stopped; `update` sets it."""
        above = self._shows_errors
        return Live(console=self, auto_refresh=False, transient=True, redirect_stdout=above, redirect_stderr=above)

    def stacked(self, parts: Sequence[RenderableType]) -> RenderableType:
        """Several things, one below the other."""
        return Group(*parts)

    @property
    def _shows_errors(self) -> bool:
        """Whether what is printed on standard error is shown here, above what stays, and not in a log."""
        try:
            return os.path.sameopenfile(sys.stderr.fileno(), self.file.fileno())
        except (OSError, ValueError, AttributeError):  # a stream that is no file
            return True

    def on_broken_pipe(self) -> None:
        """Let the stream's own error stand, rather than end the process."""
        self.quiet = True

    def _text(self, *parts: Part) -> Text:
        pairs = [part if isinstance(part, tuple) else (part, "") for part in parts]
        return Text.assemble(*((one_line(text, self.encoding), style) for text, style in pairs))


class _Name(ProgressColumn):
    """The names of bars, which stand below one another."""

    def __init__(self, width: int) -> None:
        super().__init__(Column(width=width + 1, overflow="fold"))

    def render(self, task: Task) -> Any:
        """The name."""
        return f" {task.description}"


class _Bar(ProgressColumn):
    """Bars of a length that suits the screen; a narrow one has room for figures only."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(Column(no_wrap=True))
        self._screen = screen
        self._bar = BarColumn()

    def render(self, task: Task) -> Any:
        """The bar."""
        self._bar.bar_width = _bar_length(self._screen.width)
        return self._bar.render(task) if self._bar.bar_width else ""


class _Parts(ProgressColumn):
    """What is said of a bar, on one line: a part that does not fit is left out, and those after it are tried."""

    def __init__(self, names: int, screen: Screen) -> None:
        super().__init__(Column(overflow="fold"))
        self._names = names
        self._screen = screen

    def render(self, task: Task) -> Any:
        """The parts."""
        bar = _bar_length(self._screen.width)
        room = self._screen.width - (self._names + 1) - 1 - (bar + 1) - 1
        shown = ""
        for part in task.fields["parts"]():
            longer = f"{shown}{_BETWEEN}{part}" if shown else part
            if not shown or len(self._screen.shown(longer)) <= room:
                shown = longer
        return shown


def _bar_length(width: int) -> int:
    return 24 if width >= 100 else 8 if width >= 60 else 0


def _width_of(stream: IO[str] | TextIO) -> int | None:
    """The columns of the terminal that the stream is, unless rich finds them in COLUMNS or at standard input.

    There it also follows a terminal whose size changes; where `TERM` is `dumb` it does not look.
    """
    with suppress(OSError, ValueError, AttributeError):
        looks = os.isatty(0) and os.environ.get("TERM") not in _DUMB
        if stream.isatty() and not os.environ.get("COLUMNS") and not looks:
            return os.get_terminal_size(stream.fileno()).columns
    return None
