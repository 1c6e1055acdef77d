"""The coder `mixed` writes the same bytes compiled and in Python, and gives back what went in."""

import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.packing import compiled_library, mixed_coder
from compressor.models.packing.coder_type import DamagedError, never_beaten
from compressor.models.packing.compiled_library import WITHOUT_VARIABLE, CompiledLibrary, built_library
from compressor.models.packing.compiled_mixed_coder import coded_by, decoded_by
from compressor.models.packing.mixed_coder import decode, encode
from compressor.models.packing.mixed_model import IntervalCoder, MixedModel
from compressor.models.packing.package import coder_of, pack, unpack
from compressor.models.packing.weight_segments import Segment, segments_of

FILES = sorted((Path(__file__).parent / "packages").glob("m*.tfpack"))  # LiteRT files by `model` and `mixed`
SOURCE = Path(compiled_library.__file__).parent / "native" / "mixed_coder.c"


def by_python(content, segments, memory):
    coder = IntervalCoder()
    MixedModel(coder, memory).code(len(content), content, segments)
    return coder.finished()


def read_by(read):
    """What a reader makes of a payload, or the reason why it refuses it."""
    try:
        return read()
    except DamagedError as error:
        return str(error)


@st.composite
def contents(draw):
    """Bytes in segments: weights with many zeros, in columns or anywhere, and others that repeat or do not."""
    content, segments = b"", []
    for _ in range(draw(st.integers(0, 4))):
        chance = np.random.default_rng(draw(st.integers(0, 2**32)))
        if draw(st.booleans()):
            part = draw(st.binary(min_size=1, max_size=60)) * draw(st.integers(1, 3))
            segments.append(Segment(len(part)))
        else:
            rows, columns = draw(st.integers(1, 9)), draw(st.integers(2, 40))
            values = chance.laplace(0, draw(st.sampled_from((1, 30))), (rows, columns)).round().clip(-128, 127)
            values[chance.random((rows, columns)) < draw(st.sampled_from((0, 0.6, 0.95)))] = 0
            values[:, chance.random(columns) < 0.3] = 0
            part = values.astype(np.int8).tobytes()
            segments.append(Segment(len(part), columns, draw(st.integers(1, 50)), draw(st.integers(1, 2000))))
        content += part
    return content, segments


@settings(max_examples=40, deadline=None)
@given(contents(), st.sampled_from((11, 13, 15)), st.binary(max_size=40))
def test_any_bytes_make_the_same_payload_and_any_payload_is_read_alike(given_, memory, noise):
    content, segments = given_
    payload = coded_by(built_library(), content, segments, memory, never_beaten)
    assert by_python(content, segments, memory) == payload
    for read in (payload, payload[:-1], payload[: len(payload) // 2], noise):
        one = read_by(lambda read=read: decoded_by(built_library(), read, len(content), memory))
        assert one == read_by(lambda read=read: MixedModel(IntervalCoder(read), memory).code(len(content)))
        assert read != payload or one == content


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"x", bytes(range(256)), bytes(5000), random.Random(0).randbytes(5000)]
)
def test_bytes_of_every_kind_come_back(content):
    payload = encode(content)
    assert decode(payload, len(content)) == content
    assert len(payload) <= 1 + len(content) * 1.05 + 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_litert_file_gets_smaller_than_by_xz(path):
    content = unpack(path.read_bytes())
    package = pack(content, "mixed")
    assert unpack(package) == content
    assert len(package) < (0.85 if len(content) > 10_000 else 1) * len(pack(content, "xz"))


def test_segments_of_weights_are_where_the_file_has_them():
    content = unpack(next(path for path in FILES if path.stem == "model-mnist-tiny").read_bytes())
    segments, at = segments_of(content), 0
    assert sum(segment.length for segment in segments) == len(content)
    weights = {bytes(buffer.data) for buffer in read_model(content).buffers if buffer.data is not None}
    shapes = []
    for segment in segments:
        if segment.columns > 1:
            assert content[at : at + segment.length] in weights
            shapes.append((segment.length // segment.columns, segment.columns))
        at += segment.length
    assert sorted(shapes) == [(10, 2028), (12, 9)]


@pytest.mark.parametrize("content", [b"", b"TFL3" * 20, b"\x1c\0\0\0TFL3" + bytes(range(256))])
def test_what_is_no_whole_file_is_one_segment(content):
    assert segments_of(content) == ([Segment(len(content))] if content else [])


@pytest.mark.parametrize(
    ("lengths", "memory"), [((1019, 1010, 1000), 13), ((1100, 1019, 1000), 14), ((1019, 1030, 1000), 15)]
)
def test_more_memory_is_taken_where_it_saves_two_percent(monkeypatch, lengths, memory):
    monkeypatch.setattr(mixed_coder, "_coded", lambda content, segments, memory, beaten: bytes(lengths[memory - 13]))
    payload = encode(b"content")
    assert (payload[0], len(payload)) == (memory, 1 + lengths[memory - 13])


@pytest.mark.parametrize("payload", [b"", b"\x0a1234", b"\x10" + bytes(9)])
def test_an_unknown_working_memory_is_refused(payload):
    with pytest.raises(DamagedError, match=r"^its working memory is unknown$"):
        decode(payload, 10)


def test_a_payload_that_ends_early_is_refused_before_there_is_a_content(monkeypatch):
    payload = encode(random.Random(0).randbytes(3000))[:100]
    for without in ("", "1"):
        monkeypatch.setenv(WITHOUT_VARIABLE, without)
        with pytest.raises(DamagedError, match=r"^it ends early$"):
            decode(payload, 3000)


def test_python_alone_reads_and_makes_packages(monkeypatch):
    monkeypatch.setenv(WITHOUT_VARIABLE, "1")
    package = next(path for path in FILES if path.stem == "mixed-small").read_bytes()
    content = unpack(package)
    assert (coder_of(package), pack(content, "mixed")) == ("mixed", package)


@pytest.mark.parametrize("without", ["", "1"])
def test_a_coder_that_is_beaten_ends_early(monkeypatch, without):
    monkeypatch.setenv(WITHOUT_VARIABLE, without)
    told = []
    content = random.Random(0).randbytes(200_000)
    assert encode(content, lambda written: told.append(written) or written > 100) is None
    assert 100 < told[-1] < 70_000


def test_a_library_that_computes_otherwise_is_not_used(monkeypatch):
    content, segments = mixed_coder._proof_content()
    assert by_python(content, segments, 11) == mixed_coder._PROOF
    assert mixed_coder._proven_library() is not None
    mixed_coder._library.cache_clear()
    try:
        monkeypatch.setattr(mixed_coder, "_PROOF", b"other")
        assert mixed_coder._proven_library() is None
    finally:
        monkeypatch.undo()
        mixed_coder._library.cache_clear()


@pytest.mark.parametrize("option", ["-O0", "-O3"])
def test_the_compiler_at_hand_makes_the_same_bytes_with_and_without_optimization(tmp_path, option):
    library, sources = tmp_path / "library.so", (SOURCE, SOURCE.with_name("mixing.c"))
    warnings = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow")
    command = ["cc", "-std=c99", *warnings, option, "-ffp-contract=off", "-fPIC", "-shared", *sources, "-o", library]
    subprocess.run(command, check=True, timeout=120)
    content = unpack(FILES[0].read_bytes())
    payload = coded_by(CompiledLibrary(library), content, segments_of(content), 14, never_beaten)
    assert payload == coded_by(built_library(), content, segments_of(content), 14, never_beaten)
