"""The screen shows text as it is: no markup, no emoji, no escape sequences; and no table cuts a figure or a word."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shown_tables import parted

from compressor.contracts.report_rows import ConstraintRow
from compressor.report.markdown import render_markdown
from compressor.report.screen import Screen
from compressor.report.terminal import print_report

HOSTILE = "\x1b[2J[red]x[/] :smile: n:m\n\u202e<script>|**b**"
SHOWN = r"\x1b[2J[red]x[/] :smile: n:m\n\u202e<script>|**b**"


def printed(show, width=200, encoding="utf-8", **options):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding, newline="\n")  # strict, as Python's own standard output
    screen = Screen(stream, width=width, **options)
    show(screen)
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_text_from_elsewhere_is_shown_as_it_is_wherever_it_stands():
    def show(screen):
        screen.print(HOSTILE)
        screen.show("a ", (HOSTILE, "bold"))
        screen.print(screen.table([("name", "left"), (HOSTILE, "right")], [[HOSTILE, "1"]]))

    lines = printed(show).splitlines()
    assert lines[:2] == [SHOWN, f"a {SHOWN}"]
    assert [re.split(r"\s{3,}", line) for line in lines[2:]] == [
        ["name", SHOWN],
        ["─" * (2 * len(SHOWN) + 3)],
        [SHOWN, "1"],
    ]


def test_a_terminal_gets_the_styles_of_the_tool_and_no_others():
    text = printed(lambda screen: screen.show(("a[red]", "bold"), "\x1b[31m"), force_terminal=True)
    assert text == "\x1b[1ma[red]\x1b[0m\\x1b[31m\n"


def test_bars_show_names_and_figures_as_they_are():
    def show(screen):
        bars = screen.bars([HOSTILE])
        bars.start()
        bars.add_task(HOSTILE, total=1, completed=1, parts=lambda: ["[red]loss\x1b[31m 0.1"])
        bars.stop()

    text = printed(show, force_terminal=True)
    assert f" {SHOWN} " in text
    assert r"[red]loss\x1b[31m 0.1" in text


def test_bars_leave_out_whole_figures_on_a_narrow_terminal():
    parts = ["epoch 10/20", "1:05 left", "validation loss 0.052", "accuracy 98.3 %", "mean_absolute_error 12.345"]

    def show(screen):
        bars = screen.bars(["baseline", "run"])
        bars.start()
        bars.add_task("baseline", total=1, completed=1, parts=lambda: parts)
        bars.stop()

    counts = []
    for width in range(40, 201):
        text = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]|[━╸╺]", "", printed(show, width, force_terminal=True))
        (line,) = {line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()}
        assert len(line) <= width
        name, _, rest = line.partition(" ")
        shown = rest.strip().split(" · ")
        assert name == "baseline" and shown[:2] == parts[:2] and set(shown) <= set(parts), width
        counts.append(len(shown))
    assert (counts[0], counts[-1]) == (2, 5)


def test_a_long_name_of_a_bar_goes_over_lines_and_no_figure_is_lost():
    name = "quantize-the-whole-model-after-training-it-for-a-while"

    def show(screen):
        bars = screen.bars([name])
        bars.start()
        bars.add_task(name, total=1, completed=1, parts=lambda: ["epoch 10/20", "1:05 left"])
        bars.stop()

    for width in range(40, 201):
        text = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]|[━╸╺]", "", printed(show, width, force_terminal=True))
        assert "epoch 10/20" in text, width
        assert name in re.sub(r"epoch 10/20|1:05 left|[· \r\n]", "", text), width


def test_lines_of_parts_break_between_parts_only():
    def show(screen):
        for line in screen.joined(" ptq  ", ["done in 0:12", "measured in 0:03", "83.6 kB", "accuracy 98.31 % ±0.26"]):
            screen.show(line)

    assert printed(show, 40).splitlines() == [
        " ptq  done in 0:12 · measured in 0:03",
        "   83.6 kB · accuracy 98.31 % ±0.26",
    ]
    assert printed(show, 80) == " ptq  done in 0:12 · measured in 0:03 · 83.6 kB · accuracy 98.31 % ±0.26\n"


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", "✓"), ("cp1252", "ok"), ("ascii", "ok"), ("iso8859-9", "ok")])
def test_a_report_is_shown_in_any_encoding(smoke_run, encoding, mark):
    row = ConstraintRow(name="max_size", limit="1.0 kB", actual="2.0 kB", met=True)
    report = smoke_run[0].model_copy(update={"constraints": [row]})
    text = printed(lambda screen: print_report(report, screen), encoding=encoding)
    assert text.splitlines()[-1] == f" {mark} max_size 1.0 kB"
    assert len({len(line) for line in text.splitlines()[1:3]}) == 1  # the line under the headings is as long as they
    assert "?" not in text


SUMMARY = r"<summary>(.*)</summary>\n\n"  # is HTML, in which Markdown means nothing


def test_hostile_names_change_nothing_in_the_report_but_themselves(smoke_run):
    report, _ = smoke_run
    stages = [stage.model_copy(update={"id": HOSTILE, "notes": [HOSTILE]}) for stage in report.stages]
    bad = report.model_copy(update={"recipe": HOSTILE, "model": HOSTILE, "stages": stages, "description": HOSTILE})
    text = printed(lambda screen: print_report(bad, screen))
    assert text.count(f" {SHOWN}: {SHOWN}\n") == len(stages)
    assert text.isprintable() or set(filter(lambda char: not char.isprintable(), text)) == {"\n"}
    shape, other = (
        [re.sub(r"[^#|]", "", line.replace("\\|", "")) for line in re.sub(SUMMARY, "", text).splitlines()]
        for text in (render_markdown(report), render_markdown(bad))
    )
    assert [line for line in other if line] == [line for line in shape if line]
    titles = re.findall(SUMMARY, render_markdown(bad))
    assert len(titles) == 3
    assert not any("<" in title for title in titles)
    assert "<script>" not in render_markdown(bad)


CELL = st.text("ab c1✓é", max_size=30)
FIGURE = st.integers(0, 10**9).map("{:,}".format)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(CELL, FIGURE, CELL, FIGURE, FIGURE), min_size=1, max_size=4),
    width=st.integers(40, 200),
    fold=st.booleans(),
)
def test_no_table_is_wider_than_the_screen_or_cuts_a_figure_or_a_word(rows, width, fold):
    headings = [("name", "left"), ("size", "right"), ("text", "left"), ("more", "right"), ("most", "right")]
    choices = [range(5), [0, 1, 2]]
    text = printed(lambda screen: screen.print(screen.table(headings, rows, choices, fold)), width)
    assert max(map(len, text.splitlines())) <= width
    lines, left_out = parted(text.splitlines())
    text = "\n".join(lines)
    assert left_out in ([], ["more", "most"])
    whole = set(text.split())
    for name, first, words, *_ in rows:
        assert first in whole
        assert set(words.split()) <= whole
        assert set(name.split()) <= whole or fold
    shown = [figure for row in rows for figure in row[3:] if figure in whole]
    assert "more" not in text or len(shown) == 2 * len(rows)


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_the_width_is_that_of_the_terminal_whatever_it_can_do(term):
    code = "from compressor.report.screen import Screen; import sys; print(Screen(sys.stderr).width)"
    terminal, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 47, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    ended = subprocess.run(
        [sys.executable, "-c", code], env={**environment, "TERM": term}, stdin=other, stderr=other, timeout=60,
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    os.close(other)
    os.close(terminal)
    assert ended.stdout == b"47\n"
