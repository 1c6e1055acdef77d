"""Parses the conditions of `--fail-if`, such as `accuracy < -0.2pt or size > +2%`.

    condition  = group ("or" group)*
    group      = part ("and" part)*
    part       = "(" condition ")" | name ("<" | "<=" | ">" | ">=") amount
    amount     = ["+" | "-"] number [unit]

A name with other characters than letters, digits, `_`, `.` and `-` stands in quotes. An amount with a sign is a change
from the first run, one without is the figure itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from compressor.base.errors import CompressorError, ExitCode
from compressor.base.text import printable, quoted

_MOST = 1_000  # characters
_DEEPEST = 20  # brackets in brackets
_TOKEN = re.compile(
    r"""
    (?P<quoted>'[^']*'|"[^"]*")
    | (?P<amount>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?P<gap>\s*)(?P<unit>%|(?!(?:and|or)\b)[A-Za-zµμ]+)?
    | (?P<name>[A-Za-z_][\w.-]*)
    | (?P<operator><=|>=|<|>)
    | (?P<bracket>[()])
    """,
    re.VERBOSE,
)
UNITS = {
    "%": ("percent", 0.01), "pt": ("points", 0.01),
    "B": ("bytes", 1), "kB": ("bytes", 10**3), "MB": ("bytes", 10**6), "GB": ("bytes", 10**9),
    "KiB": ("bytes", 2**10), "MiB": ("bytes", 2**20), "GiB": ("bytes", 2**30),
    "s": ("seconds", 1), "ms": ("seconds", 1e-3), "us": ("seconds", 1e-6), "µs": ("seconds", 1e-6),
}  # fmt: skip
_REMEDIES = {  # by a character that means nothing
    **dict.fromkeys("=!", "use <, <=, > or >="),
    **dict.fromkeys("&|", "join conditions by 'and' or 'or'"),
    ",": "write decimals with a point, and join conditions by 'and' or 'or'",
    "\u2212": "write the sign '-'",
}
_BY_SPELLING = {unit.lower(): unit for unit in UNITS} | {"μs": "µs"}  # two letters look like the sign for a millionth


class ConditionError(CompressorError):
    """A condition that cannot be read, or does not fit what is compared."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Span:
    """A part of a condition's text."""

    text: str
    start: int
    end: int

    def fault(self, what: str, remedy: str) -> ConditionError:
        """Make the error for this part, which is shown with marks below it."""
        marks = " " * self.start + "^" * max(1, self.end - self.start)
        return ConditionError(f"--fail-if: {what}", f"{remedy}\n    {printable(self.text)}\n    {marks}")


@dataclass(frozen=True)
class Amount:
    """The amount that a figure is compared with: `-0.2pt`, `+2%` or `10kB`.

    Attributes:
        signed: whether it is a change from the first run, and not the figure itself.
        unit: as in `UNITS`, or empty.
    """

    number: float
    signed: bool
    unit: str
    span: Span

    @property
    def measure(self) -> str:
        """The kind of its unit: `percent`, `points`, `bytes`, `seconds`, or empty."""
        return UNITS[self.unit][0] if self.unit else ""

    @property
    def value(self) -> float:
        """The number in bytes, in seconds or as a share."""
        return self.number * (UNITS[self.unit][1] if self.unit else 1)


@dataclass(frozen=True)
class Comparison:
    """A figure, and the amount that it is compared with."""

    name: str
    name_span: Span
    operator: str
    amount: Amount

    @property
    def text(self) -> str:
        """As it was written."""
        return self.name_span.text[self.name_span.start : self.amount.span.end]


@dataclass(frozen=True)
class AllOf:
    """Conditions joined by `and`: all must hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """Conditions joined by `or`: one must hold."""

    parts: tuple[Condition, ...]


Condition: TypeAlias = Comparison | AllOf | AnyOf


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    span: Span
    amount: str = ""
    unit: str = ""


def parse_condition(text: str) -> Condition:
    """Parse a condition.

    Raises:
        ConditionError: it is none; the message shows the place.
    """
    if len(text) > _MOST:
        raise ConditionError(f"--fail-if: the condition has {len(text):,} characters", f"use at most {_MOST:,}")
    if not text.strip():
        raise ConditionError("--fail-if: the condition is empty", "write it like 'accuracy < -0.2pt', or leave it out")
    parser = _Parser(text)
    condition = parser.condition()
    parser.expect_end()
    return condition


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """List all comparisons in a condition, in order."""
    if isinstance(condition, Comparison):
        yield condition
    else:
        for part in condition.parts:
            yield from comparisons(part)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._place = 0
        self._depth = 0

    def condition(self) -> Condition:
        parts = [self._group()]
        while self._take_word("or"):
            parts.append(self._group())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def expect_end(self) -> None:
        if (token := self._next()) is not None:
            raise token.span.fault(f"{quoted(token.text)} is one too many", "join conditions by 'and' or 'or'")

    def _group(self) -> Condition:
        parts = [self._part()]
        while self._take_word("and"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _part(self) -> Condition:
        if (token := self._next()) is not None and token.text == "(" and token.kind == "bracket":
            self._place += 1
            self._depth += 1
            if self._depth > _DEEPEST:
                raise token.span.fault("there are too many brackets in brackets", f"use at most {_DEEPEST}")
            inner = self.condition()
            self._depth -= 1
            closing = self._next()
            if closing is None or closing.text != ")":
                raise token.span.fault("this bracket is not closed", "add ')'")
            self._place += 1
            return inner
        name = self._take({"name", "quoted"}, "the name of a figure", "write it like 'accuracy < -0.2pt'")
        if name.kind == "name" and name.text in ("and", "or"):
            raise name.span.fault("there is a condition missing here", "write it like 'accuracy < -0.2pt'")
        operator = self._take({"operator"}, "a comparison", "use <, <=, > or >=")
        amount = self._take({"amount"}, "a number", "write it like -0.2pt, +2% or 10kB")
        own = name.text[1:-1] if name.kind == "quoted" else name.text
        return Comparison(own, name.span, operator.text, _amount(amount))

    def _next(self) -> _Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _take(self, kinds: set[str], what: str, remedy: str) -> _Token:
        token = self._next()
        if token is None:
            end = len(self._text.rstrip())
            raise Span(self._text, end, end + 1).fault(f"{what} is missing at the end", remedy)
        if token.kind not in kinds:
            raise token.span.fault(f"{what} must stand here, not {quoted(token.text)}", remedy)
        self._place += 1
        return token

    def _take_word(self, word: str) -> bool:
        token = self._next()
        if token is None or token.kind != "name" or token.text != word:
            return False
        self._place += 1
        return True


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        match = _TOKEN.match(text, place)
        if match is None:
            example = "write it like 'accuracy < -0.2pt or size > +2%'"
            raise Span(text, place, place + 1).fault(
                f"{quoted(text[place])} means nothing here", _REMEDIES.get(text[place], example)
            )
        kind = next(name for name in ("quoted", "amount", "name", "operator", "bracket") if match[name] is not None)
        end = match.end("amount") if kind == "amount" and match["unit"] is None else match.end()
        yield _Token(kind, text[place:end], Span(text, place, end), match["amount"] or "", match["unit"] or "")
        place = end


def _amount(token: _Token) -> Amount:
    unit = _BY_SPELLING.get(token.unit.lower(), "") if token.unit else ""
    if token.unit and not unit:
        raise token.span.fault(f"{quoted(token.unit)} is no unit", f"use one of {', '.join(UNITS)}")
    number = float(token.amount)
    if number in (float("inf"), float("-inf")):
        raise token.span.fault("this number is too large", "write a smaller one")
    return Amount(number, token.amount[0] in "+-", unit, token.span)
