"""Buffers are placed as LiteRT for Microcontrollers places them: no two that are alive at once share a byte."""

from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.models.micro.memory_planner import Buffer, aligned, placed

BUFFERS = st.lists(
    st.builds(
        lambda size, first, length: Buffer(16 * size, first, first + length),
        st.integers(1, 20),
        st.integers(0, 12),
        st.integers(0, 5),
    ),
    max_size=25,
)


def test_the_largest_lies_at_the_beginning_and_others_fill_the_gaps():
    chain = [Buffer(160, 0, 1), Buffer(640, 1, 2), Buffer(320, 2, 3), Buffer(32, 3, 3)]
    assert placed(chain) == [640, 0, 640, 0]


def test_a_gap_between_two_buffers_is_used():
    # the second is over when the third begins, so a hole of 64 bytes is left between the first and the fourth
    buffers = [Buffer(160, 0, 4), Buffer(64, 0, 1), Buffer(48, 2, 3), Buffer(128, 0, 4)]
    assert placed(buffers) == [0, 288, 288, 160]
    assert placed([*buffers, Buffer(16, 1, 2)]) == [0, 288, 288, 160, 352]


def test_of_equally_large_buffers_the_last_comes_first():
    assert placed([Buffer(32, 0, 2), Buffer(32, 1, 2), Buffer(32, 1, 1)]) == [64, 32, 0]


def test_an_offset_in_the_file_stays_and_others_go_around_it():
    assert placed([Buffer(64, 0, 1), Buffer(32, 0, 1, 16), Buffer(16, 1, 1)]) == [48, 16, 0]


def test_nothing_to_place_takes_no_memory():
    assert placed([]) == []


def test_sizes_are_rounded_up_to_sixteen_bytes():
    assert [aligned(size) for size in (0, 1, 16, 17)] == [0, 16, 16, 32]


@settings(max_examples=150, deadline=None)
@given(BUFFERS)
def test_no_two_buffers_that_are_alive_at_once_overlap(buffers):
    offsets = placed(buffers)
    spans = [(offset, offset + buffer.size, buffer) for offset, buffer in zip(offsets, buffers, strict=True)]
    for number, (start, end, buffer) in enumerate(spans):
        for other_start, other_end, other in spans[:number]:
            together = buffer.first <= other.last and other.first <= buffer.last
            assert not together or end <= other_start or other_end <= start


@settings(max_examples=150, deadline=None)
@given(BUFFERS)
def test_every_buffer_lies_as_low_as_it_can_beside_those_placed_before(buffers):
    """The planner of LiteRT for Microcontrollers, in its own words: gap by gap along a list that is in order."""
    order = sorted(range(len(buffers)), key=lambda number: (-buffers[number].size, -number))
    offsets, there = {}, []
    for number in order:
        wanted, candidate = buffers[number], 0
        for other in there:
            if buffers[other].first > wanted.last or wanted.first > buffers[other].last:
                continue
            if offsets[other] - candidate >= wanted.size:
                break
            candidate = max(candidate, offsets[other] + buffers[other].size)
        offsets[number] = candidate
        there.append(number)
        there.sort(key=offsets.__getitem__)
    assert placed(buffers) == [offsets[number] for number in range(len(buffers))]
