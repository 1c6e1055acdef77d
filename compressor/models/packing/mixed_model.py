"""The model of the coder `mixed`, in Python: it writes and reads the bytes that `device/tfpack.c` and `native/` do.

Context mixing in integers alone, as in the lpaq family (Mahoney 2005, "Adaptive weighing of context models for lossless
data compression"); tfpack.c explains it. All numbers are those of 32 bits without sign in C, or stay small.
"""

from __future__ import annotations

from collections.abc import Sequence

from compressor.models.packing.coder_type import Beaten, DamagedError, never_beaten
from compressor.models.packing.weight_segments import Segment

_ALL = 0xFFFFFFFF
_INPUTS, _SETS, _HEADS, _LONGEST, _FIRST_WEIGHT = 4, 26, 256, 15, 2750
_IS_WEIGHT_SET, _WEIGHT_SET, _IS_BYTE_SET, _BYTE_SET = 0, 6, 14, 18
_IS_WEIGHT, _WEIGHT, _BYTE = 0, 4, 8  # numbers of the first context of each kind
_RATES = (18204, 11703, 8623, 6827, 5650, 4819, 4201, 3724, 3344, 3034, 2777, 2074, 1655, 1179, 915, 633)
_SPARE = 4  # bytes at the end of a payload that are zeros if they are missing


class IntervalCoder:
    """Codes single bits: writes them, or with a payload reads them."""

    def __init__(self, payload: bytes | None = None) -> None:
        self._payload = payload
        self._low, self._range = 0, _ALL
        self._output = bytearray()
        self._value = int.from_bytes((payload or b"")[:4].ljust(4, b"\0"), "big")
        self._position = 4

    @property
    def written(self) -> int:
        """Bytes so far, of what is written."""
        return len(self._output)

    def split(self, chances: int, bit: int) -> int:
        """Write a bit that is 1 with so many chances of 65,536, or read it, and return it."""
        below = (self._range >> 16) * chances + ((self._range & 0xFFFF) * chances >> 16)
        if self._payload is not None:
            bit = int(self._value <= self._low + below)
        if bit:
            self._range = below
        else:
            self._low += below + 1
            self._range -= below + 1
        while (self._low ^ (self._low + self._range)) >> 24 == 0:
            self._shift()
        return bit

    def _shift(self) -> None:
        if self._payload is None:
            self._output.append(self._low >> 24)
        else:
            following = self._payload[self._position] if self._position < len(self._payload) else 0
            self._value = self._value << 8 & _ALL | following
            self._position += 1
        self._low = self._low << 8 & _ALL
        self._range = self._range << 8 & _ALL | 0xFF

    def check(self) -> None:
        """Refuse a payload that has ended.

        Raises:
            DamagedError: more bytes were read than it has.
        """
        if self._payload is not None and self._position > len(self._payload) + _SPARE:
            raise DamagedError("it ends early")

    def finished(self) -> bytes:
        """The shortest payload of the bits written."""
        for count in range(5):
            unit = 1 << 32 - 8 * count
            value = -(-self._low // unit) * unit
            if value <= self._low + self._range:
                return bytes(self._output) + (value >> 32 - 8 * count).to_bytes(count, "big")
        raise AssertionError("the interval is never empty")


class MixedModel:
    """Codes bytes, one after the other, with a working memory of a size that the decoder knows."""

    def __init__(self, coder: IntervalCoder, memory: int) -> None:
        """Learn nothing yet; `memory` is the logarithm of the bytes of working memory."""
        size = 1 << memory
        self._coder = coder
        self._weights = [[_FIRST_WEIGHT] * _INPUTS for _ in range(_SETS)]
        self._heads = [0] * _HEADS
        self._slots = [0x8000] * (size // 2 - size // 16 - _HEADS - _INPUTS * _SETS)
        self._mask = size // 8 - 1
        self._random, self._expected, self._matched, self._distance = 1, 0, 0, 0
        self._contexts: tuple[int, ...] = ()
        self._coded = bytearray()
        self._counts: list[int] = []
        self._row = self._run = self._last = 0
        self._columns = self._near = self._far = 1

    def code(
        self, size: int, content: bytes | None = None, segments: Sequence[Segment] = (), beaten: Beaten = never_beaten
    ) -> bytes:
        """Write a content, whose segments are given, or read one of this size, and return it.

        Writing ends early where it is beaten.

        Raises:
            DamagedError: the payload ends early.
        """
        coming = iter(segments)
        left = column = 0
        while len(self._coded) < size and not beaten(self._coder.written):
            if left == 0:
                numbers = next(coming).numbers if content is not None else (1, 1, 1, 1)
                left, self._columns = self._number(numbers[0]), self._number(numbers[1])
                self._row = column = self._run = self._last = 0
                if self._columns > 1:
                    self._near, self._far = self._number(numbers[2]), self._number(numbers[3])
                    self._counts = [0] * (self._mask + 1)
            byte = content[len(self._coded)] if content is not None else 0
            byte = self._weight(column, byte) if self._columns > 1 else self._other(byte)
            self._coder.check()
            self._coded.append(byte)
            left, column = left - 1, column + 1
            if column == self._columns:
                self._row += 1
                column = self._run = self._last = 0
        return bytes(self._coded)

    def _number(self, number: int) -> int:
        length = coded = 0
        for place in reversed(range(5)):
            length = length << 1 | self._coder.split(0x8000, number.bit_length() - 1 >> place & 1)
        coded = 1
        for place in reversed(range(length)):
            coded = coded << 1 | self._coder.split(0x8000, number >> place & 1)
        return coded

    def _at(self, distance: int) -> int:
        distance &= _ALL
        return self._coded[-distance] if 0 < distance <= len(self._coded) else 0

    def _set_contexts(self, first: int, *values: int) -> None:
        self._contexts = tuple((value << 4 | first + which) * 0x2C1B3C6D & _ALL for which, value in enumerate(values))

    def _weight(self, column: int, byte: int) -> int:
        columns, near, far, row = self._columns, self._near, self._far, self._row
        count = self._count(column)
        depth = row if row < 4 else row.bit_length() + 1
        beside = (column - 1, column + 1, column - near, column - far, column + near, column + far)
        around = sum(map(self._count, beside))
        value, left = self._at(near), int(self._at(1) != 0)
        known = left | (self._at(columns) != 0) << 1 | (value != 0) << 2
        known |= (self._at(far) != 0) << 3 | (self._at(2) != 0) << 4
        self._set_contexts(
            _IS_WEIGHT,
            min(count, 12) << 8 | depth,
            known | (self._at(columns - 1) != 0) << 5 | (self._at(2 * columns) != 0) << 6,
            self._run.bit_length() << 1 | left,
            known << 8 | min(count, 3) << 4 | min(around, 7),
        )
        if not self._bit(0, _IS_WEIGHT_SET + min(count, 2) * 2 + (depth > 3), 18, int(byte != 0)):
            self._run += 1
            return 0
        self._counts[column & self._mask] = min(count + 1, 0xFF)
        self._run = 0
        self._set_contexts(_WEIGHT, 0, row, self._last >> 5, value >> 5)
        self._last = self._byte(_WEIGHT_SET, byte)
        return self._last

    def _count(self, column: int) -> int:
        column &= _ALL
        return self._counts[column & self._mask] if column < self._columns else 0

    def _other(self, byte: int) -> int:
        place = len(self._coded) & 3
        self._expect()
        above = self._at(4) << 2 | place
        self._set_contexts(_BYTE, place, self._at(1) << 2 | place, above, self._expected << 4 | self._matched)
        return self._byte(_BYTE_SET, byte) if self._bit(0, _IS_BYTE_SET + place, 17, int(byte != 0)) else 0

    def _expect(self) -> None:
        last = self._at(1)
        head = ((last | self._at(2) << 8 | self._at(3) << 16) * 0x9E3779B1 & _ALL) >> 24
        if self._matched > 0 and self._expected == last:
            self._matched = min(self._matched + 1, _LONGEST)
        else:
            matched, distance = 0, len(self._coded) - self._heads[head] & 0xFFFF
            while matched < _LONGEST and self._at(distance + matched + 1) == self._at(matched + 1):
                matched += 1
            self._matched, self._distance = matched, distance
        self._heads[head] = len(self._coded) & 0xFFFF
        self._expected = self._at(self._distance) if self._matched else 0

    def _byte(self, first_set: int, byte: int) -> int:
        coded = 1
        for place in range(8):
            coded = coded << 1 | self._bit(coded, first_set + place, 17, byte >> 7 - place & 1)
        return coded & 0xFF

    def _bit(self, node: int, which: int, slowness: int, bit: int) -> int:
        weights, slots = self._weights[which], self._slots
        places, inputs, total = [], [], 0
        for context, weight in zip(self._contexts, weights, strict=True):
            mixed = context + node * 0x9E3779B1 & _ALL
            mixed = (mixed ^ mixed >> 15) * 0x85EBCA6B & _ALL
            place = (mixed >> 16) * len(slots) >> 16
            chances = slots[place] & 0xFFF0
            odds = _logarithm(chances) - _logarithm(0x10000 - chances)
            places.append(place)
            inputs.append(odds)
            total += weight * odds
        chances = _chances_of(total >> 13)
        bit = self._coder.split(chances, bit)
        error = (bit << 16) - chances
        for index, place in enumerate(places):
            weight = weights[index] + (inputs[index] * error + self._random_bits(slowness) >> slowness)
            weights[index] = max(-0x7FFF, min(weight, 0x7FFF))
            slot, met, chance = slots[place] & 0xFFF0, slots[place] & 0xF, self._random_bits(8)
            slot += ((0xFFFF if bit else 0) - slot) * _RATES[met] >> 15
            slot = max(0x10, min(slot + (chance >> 4) & ~0xF, 0xFFF0))
            slots[place] = slot | met + (met < 10 or (met < 15 and chance % (1 << met // 2 - 3) == 0))
        return bit

    def _random_bits(self, count: int) -> int:
        self._random = self._random * 1664525 + 1013904223 & _ALL
        return self._random >> 32 - count


def _logarithm(number: int) -> int:
    """The logarithm to base 2, in 256ths, of 1 to 65,535."""
    whole = number.bit_length() - 1
    part = (number << 15 - whole & 0x7FFF) >> 3
    return whole * 256 + (part * (5501 - (part * 1405 >> 12)) >> 16)


def _chances_of(odds: int) -> int:
    """Of 65,536, the chances with odds of so many 256ths of a doubling."""
    whole, part = divmod(abs(odds), 256)
    other = 0x10000 - (part * (44013 - (part * 11246 >> 8)) >> 8) >> whole if whole < 12 else 0
    chances = min(_ALL // (0x10000 + other), 0xFFF0)
    return 0x10000 - chances if odds < 0 else chances
