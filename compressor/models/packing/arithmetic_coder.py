"""A binary arithmetic coder whose probabilities are mixed from adaptive contexts.

Mahoney's context mixing (2005, "Adaptive weighing of context models for lossless data compression"): each context keeps
a probability of its own, and a small neural network, trained as it goes, weighs them in the logistic domain. It uses
only sums, products and quotients of doubles, and two tables of rounded logarithms, so that every machine computes the
same.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from compressor.models.packing.coder_type import DamagedError

_STEPS = 4095  # in the table of logits
_LIMIT = 254  # observations after which a context forgets
_RATES = [1 / (count + 1.8) for count in range(_LIMIT + 1)]
_LOGITS = [round(math.log((step + 0.5) / (_STEPS + 0.5 - step)) * 1024) / 1024 for step in range(_STEPS + 1)]
_FINE, _REACH = 128, 12
_SIGMOIDS = [round(65536 / (1 + math.exp(-step / _FINE))) for step in range(-_REACH * _FINE, _REACH * _FINE + 1)]
_LEARNING = 0.008
_BYTES = 7  # of the interval: so wide that it hardly ever gets narrow around a carry
_BITS = 8 * _BYTES
_ALL, _REST = (1 << _BITS) - 1, (1 << _BITS - 8) - 1
_ALWAYS_CODED = 2**22  # bits that any payload may hold, which take half a minute here and a second compiled
_MOST_OF_A_BYTE = 256  # bits that a byte of a longer payload may hold
_MOST_SEEN = 6 * 2**20  # contexts, which take 500 MB at most compiled, and 3 GB here
_MOST_AT_ONCE = 8  # contexts of a bit


def limits(payload: bytes | None) -> tuple[int, int]:
    """How many bits may be read from a payload, or from any if there is none yet, and in how many contexts."""
    return (2**62 if payload is None else max(_ALWAYS_CODED, _MOST_OF_A_BYTE * len(payload))), _MOST_SEEN


def tables() -> tuple[list[float], list[float], list[int]]:
    """What the compiled coder computes with: rates by count, logits by share, and shares of 65536 by logit."""
    return _RATES, _LOGITS, _SIGMOIDS


class Coder:
    """Codes bits, one after the other: writes those it is given, or reads those of a payload if it was made of one."""

    def __init__(self, payload: bytes | None = None) -> None:
        self._seen: dict[Hashable, list[float]] = {}
        self._weights: dict[Hashable, list[float]] = {}
        self.restart(payload)

    def restart(self, payload: bytes | None = None) -> None:
        """Begin another payload, and keep all that was learned from the last one."""
        self._payload = payload
        self._most, _ = limits(payload)
        self.left = self._most
        self._low, self._high, self._written = 0, _ALL, bytearray()
        self._position = _BYTES
        self._code = int.from_bytes((payload or b"")[:_BYTES].ljust(_BYTES, b"\0"), "big")

    def bit(self, contexts: Sequence[Hashable], chooses: Hashable, bit: int = 0) -> int:
        """Write a bit, or read one, and return it.

        Args:
            contexts: what the bit may depend on; always the same number of them for the same `chooses`.
            chooses: the set of weights that the contexts are mixed with.
            bit: to write; has no meaning when reading.

        Raises:
            DamagedError: there are more bits or contexts than any payload holds.
        """
        self.left -= 1
        if self.left < 0:
            raise DamagedError("it was cut or changed")
        seen, weights = self._seen, self._weights.get(chooses)
        if len(seen) + _MOST_AT_ONCE > _MOST_SEEN:
            raise DamagedError("it was cut or changed")
        if weights is None:
            weights = self._weights[chooses] = [1.4 / (len(contexts) + 1)] * len(contexts)
        states, logits, total = [], [], 0.0
        for context, weight in zip(contexts, weights, strict=True):
            state = seen.get(context)
            if state is None:
                state = seen[context] = [0.5, 0]
            logit = _LOGITS[int(state[0] * _STEPS)]
            total += weight * logit
            states.append(state)
            logits.append(logit)
        index = int((total + _REACH) * _FINE)
        share = _SIGMOIDS[0 if index < 0 else min(index, 2 * _REACH * _FINE)]
        share = min(max(share, 8), 65528)
        middle = self._low + ((self._high - self._low) * share >> 16)
        if self._payload is not None:
            bit = int(self._code <= middle)
        if bit:
            self._high = middle
        else:
            self._low = middle + 1
        while self._low ^ self._high <= _REST:
            self._shift()
        error = (bit - share / 65536) * _LEARNING
        for place, logit in enumerate(logits):
            weights[place] += error * logit
        for state in states:
            count = state[1]
            state[0] += (bit - state[0]) * _RATES[int(count)]
            if count < _LIMIT:
                state[1] = count + 1
        return bit

    def _shift(self) -> None:
        if self._payload is None:
            self._written.append(self._high >> _BITS - 8)
        else:
            following = self._payload[self._position] if self._position < len(self._payload) else 0
            self._code = (self._code & _REST) << 8 | following
            self._position += 1
        self._low = (self._low & _REST) << 8
        self._high = (self._high & _REST) << 8 | 0xFF

    def symbol(self, contexts: Sequence[Hashable], chooses: Hashable, bits: int, value: int = 0) -> int:
        """Write or read a number of so many bits, the highest first, and return it."""
        prefix = 1  # a one, and the bits coded so far
        for place in reversed(range(bits)):
            extended = [(context, prefix) for context in contexts]
            prefix = prefix << 1 | self.bit(extended, (chooses, place), value >> place & 1)
        return prefix - (1 << bits)

    def finished(self) -> bytes:
        """The shortest payload of the bits written; a reader takes what follows it for zeros.

        Raises:
            DamagedError: it holds more bits than are read from a payload of its length.
        """
        payload = self._shortest()
        if self._most - self.left > limits(payload)[0]:
            raise DamagedError("it was cut or changed")
        return payload

    def _shortest(self) -> bytes:
        for count in range(_BYTES + 1):
            unit = 1 << _BITS - 8 * count
            value = -(-self._low // unit) * unit
            if value <= self._high:
                return bytes(self._written) + (value >> _BITS - 8 * count).to_bytes(count, "big")
        raise AssertionError("low is never above high")
