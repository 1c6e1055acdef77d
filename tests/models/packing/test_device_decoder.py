"""The decoder of packages in C gives back what Python packed, and refuses everything else without harm."""

import ctypes
import hashlib
import lzma
import random
import shutil
import subprocess
import zlib
from itertools import product

import numpy as np
import pytest
from device_packages import (
    DAMAGED,
    DEVICE,
    DRIVER,
    NO_ROOM,
    NO_WORK,
    NOT_A_PACKAGE,
    OK,
    SANITIZERS,
    UNSUPPORTED,
    WRITE_FAILED,
    built,
    unpacked_by,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.base.errors import ModelError
from compressor.devices.flash import decoder_work
from compressor.models.packing import coders
from compressor.models.packing.coder_type import never_beaten
from compressor.models.packing.compiled_library import built_library
from compressor.models.packing.compiled_mixed_coder import coded_by
from compressor.models.packing.package import _varint, pack, unpack
from compressor.models.packing.weight_segments import Segment

GZIP, XZ, MIXED = 0, 3, 5
DECODED = ("gzip", "xz", "mixed")


def weights(size: int, seed: int = 0) -> bytes:
    """Bytes as a quantized, pruned model has them: text, zeros, and numbers near zero."""
    generator = np.random.default_rng(seed)
    numbers = np.clip(generator.normal(0, 12, size), -128, 127).astype(np.int8)
    numbers[generator.random(size) < 0.6] = 0
    return (b"serving_default model/dense/MatMul;" * 3 + numbers.tobytes())[:size]


def package(coder: int, content: bytes, payload: bytes) -> bytes:
    """A package of a payload that was made in a way of the test's own."""
    return b"TFP" + bytes([coder]) + _varint(len(content)) + hashlib.sha256(content).digest()[:4] + payload


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return built(tmp_path_factory.mktemp("sanitized"), *SANITIZERS)


@pytest.mark.parametrize("size", [0, 1, 2_000, 200_000, pytest.param(2_000_000, marks=pytest.mark.long)])
def test_packages_come_back_in_memory_and_in_flash(program, size, monkeypatch):
    monkeypatch.setattr(coders, "MEDIUM", 10_000)  # from which on the packer tries fewer settings
    content = weights(size)
    packages = [pack(content, coder) for coder in DECODED]
    assert unpacked_by([program], packages) == [[(OK, content)] * 2] * 3


def test_files_of_every_length_are_checked(program):
    contents = [weights(size) for size in range(1, 200)]  # whatever remains for the last block of the hash
    packages = [fast_package(content, "gzip") for content in contents]
    assert unpacked_by([program], packages) == [[(OK, content)] * 2 for content in contents]


def test_every_setting_of_lzma_comes_back(program):
    content = weights(1500)
    packages = []
    for lc, lp, pb in product(range(5), repeat=3):
        if lc + lp <= 4:
            filters = [{"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": 4096, "preset": 6}]
            payload = bytes([(pb * 5 + lp) * 9 + lc]) + lzma.compress(content, lzma.FORMAT_RAW, filters=filters)
            packages.append(package(XZ, content, payload))
    assert unpacked_by([program], packages, page_size=100) == [[(OK, content)] * 2] * 75


def test_every_kind_of_block_of_deflate_comes_back(program):
    noise, packages, contents = random.Random(0).randbytes(70_000), [], []
    for content, level, strategy in (
        (noise, 0, zlib.Z_DEFAULT_STRATEGY),  # stored, in several blocks
        (weights(5000), 9, zlib.Z_FIXED),
        (weights(5000), 9, zlib.Z_HUFFMAN_ONLY),
        (bytes(100_000), 9, zlib.Z_RLE),
        (noise[:40_000] + noise[:40_000], 9, zlib.Z_DEFAULT_STRATEGY),  # the greatest distances
    ):
        coder = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
        packages.append(package(GZIP, content, coder.compress(content) + coder.flush()))
        contents.append(content)
    answers = unpacked_by([program], packages, page_size=4096)
    assert answers == [[(OK, content)] * 2 for content in contents]


@pytest.mark.parametrize("coder", ["brotli", "zstd"])
def test_a_coder_that_is_not_in_it_is_refused_as_such(program, coder):
    assert unpacked_by([program], [pack(weights(500), coder)]) == [[(UNSUPPORTED, None)] * 2]


def test_what_is_no_package_is_told_from_a_damaged_one(program):
    whole = pack(weights(300), "gzip")
    newer = whole[:3] + b"\x06" + whole[4:]
    huge = whole[:4] + b"\x80\x80\x80\x80\x10" + whole[6:]
    wrong = whole[:6] + bytes(4) + whole[10:]
    cases = [b"", b"TF", b"TFL3" * 9, whole[:5], newer, wrong, huge]
    results = [answer[0] for answer, _ in unpacked_by([program], cases)]
    assert results == [NOT_A_PACKAGE] * 3 + [DAMAGED] * 3 + [NO_ROOM]


def test_every_cut_is_noticed(program):
    for coder in DECODED:
        whole = pack(weights(400), coder)
        cuts = [whole[:length] for length in range(3, len(whole) - 6 * (coder == "xz"))]  # the last bytes mark the end
        assert {result for ways in unpacked_by([program], cuts) for result, _ in ways} == {DAMAGED}


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 20),
    size=st.integers(0, 3000),
    coder=st.sampled_from(DECODED),
    edits=st.lists(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=4), min_size=1, max_size=20),
)
def test_a_changed_package_never_does_harm(program, seed, size, coder, edits):
    """No sanitizer has anything to say, and what is accepted is what was packed."""
    content = weights(size, seed)
    whole = fast_package(content, coder)
    changed = []
    for places in edits:
        copy = bytearray(whole)
        for place, byte in places:
            copy[place % len(copy)] = byte
        changed.append(bytes(copy))
    for given_, ways in zip(changed, unpacked_by([program], changed, page_size=64), strict=True):
        assert ways[0] == ways[1]
        result, found = ways[0]
        if result == OK:
            assert hashlib.sha256(found).digest()[:4] in given_[:12]  # within the header
        try:
            expected = unpack(given_)
        except ModelError:
            continue
        assert found in (expected, None)


def fast_package(content: bytes, coder: str) -> bytes:
    """A package that takes no time to make."""
    if coder == "gzip":
        made = zlib.compressobj(6, zlib.DEFLATED, -15)
        return package(GZIP, content, made.compress(content) + made.flush())
    if coder == "mixed":
        start = min(len(content), 105)  # where numbers begin
        segments = [Segment(start), Segment(len(content) - start, 40, 3, 17)][: (start > 0) + (len(content) > start)]
        return package(MIXED, content, b"\x0b" + coded_by(built_library(), content, segments, 11, never_beaten))
    filters = [{"id": lzma.FILTER_LZMA1, "lc": 1, "lp": 0, "pb": 2, "dict_size": 4096, "preset": 1}]
    return package(XZ, content, bytes([2 * 45 + 1]) + lzma.compress(content, lzma.FORMAT_RAW, filters=filters))


class Opened(ctypes.Structure):
    """The part of `tfpack` that programs may read, and room for the rest."""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("work", ctypes.c_uint32),
        ("coder", ctypes.c_uint8),
        ("_", ctypes.c_char * 500),
    ]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The same C file as a library that Python calls."""
    path = tmp_path_factory.mktemp("library") / "tfpack.so"
    subprocess.run(
        ["cc", "-std=c99", "-O2", "-shared", "-fPIC", DEVICE / "tfpack.c", "-o", path], check=True, timeout=60
    )
    return ctypes.CDLL(str(path))


def test_python_can_use_the_decoder_too(library):
    content, opened = weights(3000), Opened()
    packed = pack(content, "xz")
    output, work = ctypes.create_string_buffer(3000), (ctypes.c_uint16 * (28270 // 2))()

    def unpacked(room, work_size):
        assert library.tfpack_open_memory(ctypes.byref(opened), packed, ctypes.c_size_t(len(packed))) == OK
        sizes = ctypes.c_size_t(room), ctypes.c_size_t(work_size)
        return library.tfpack_unpack(ctypes.byref(opened), output, sizes[0], work, sizes[1])

    assert unpacked(3000, 28270) == OK
    assert (output.raw, opened.size, opened.coder) == (content, 3000, XZ)
    assert unpacked(2999, 28270) == NO_ROOM
    assert unpacked(3000, opened.work) == OK
    assert unpacked(3000, opened.work - 1) == NO_WORK


@pytest.mark.parametrize("coder", DECODED)
def test_the_header_tells_the_working_memory_and_pieces_of_one_byte_are_enough(library, coder):
    content, opened = weights(1500), Opened()
    coming = iter(packed := pack(content, coder))

    @ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t)
    def read_one(context, into, most):
        byte = next(coming, None)
        into[0] = byte or 0
        return int(byte is not None)

    assert library.tfpack_open(ctypes.byref(opened), read_one, None) == OK
    assert (opened.size, opened.work) == (1500, decoder_work(packed))
    output, work = ctypes.create_string_buffer(1500), (ctypes.c_uint16 * (opened.work // 2))()
    sizes = ctypes.c_size_t(1500), ctypes.c_size_t(opened.work)
    assert library.tfpack_unpack(ctypes.byref(opened), output, sizes[0], work, sizes[1]) == OK
    assert output.raw == content


@pytest.mark.parametrize("left_out", DECODED)
def test_a_decoder_that_is_left_out_is_told(tmp_path, left_out):
    program = built(tmp_path, f"-DTFPACK_WITHOUT_{left_out.upper()}")
    content = weights(500)
    answers = unpacked_by([program], [fast_package(content, coder) for coder in DECODED])
    for coder, ways in zip(DECODED, answers, strict=True):
        assert ways == [(UNSUPPORTED, None) if coder == left_out else (OK, content)] * 2


@pytest.mark.parametrize("memory", [10, 16, 255])
def test_a_working_memory_that_no_encoder_asks_for_is_damage(program, memory):
    content = weights(300)
    whole = bytearray(fast_package(content, "mixed"))
    whole[10] = memory
    assert unpacked_by([program], [bytes(whole)]) == [[(DAMAGED, None)] * 2]


def test_flash_that_cannot_be_written_is_told(library):
    opened, packed = Opened(), pack(weights(900), "gzip")
    work, page = (ctypes.c_uint16 * 700)(), ctypes.create_string_buffer(256)
    calls = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
    def fails(context, offset, content, length):
        calls.append((offset, length))
        return int(offset == 512)

    assert library.tfpack_open_memory(ctypes.byref(opened), packed, ctypes.c_size_t(len(packed))) == OK
    room, work_size = ctypes.c_size_t(900), ctypes.c_size_t(ctypes.sizeof(work))
    mapped = ctypes.create_string_buffer(unpack(packed), 900)  # as flash that was programmed with it would hold it
    way = room, fails, None, page, ctypes.c_uint32(256), work, work_size
    assert library.tfpack_unpack_to_flash(ctypes.byref(opened), mapped, *way) == WRITE_FAILED
    assert calls == [(0, 256), (256, 256), (512, 256)]


@pytest.mark.long
def test_arm_unpacks_the_same_bytes(tmp_path, monkeypatch):
    """Needs gcc-arm-linux-gnueabihf and qemu-user of Debian."""
    assert shutil.which("arm-linux-gnueabihf-gcc"), "apt-get install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"
    assert shutil.which("qemu-arm"), "apt-get install qemu-user"
    monkeypatch.setattr(coders, "MEDIUM", 10_000)
    program = built(tmp_path, "-Os", "-mthumb", "-static", compiler="arm-linux-gnueabihf-gcc")
    contents = [weights(size) for size in (0, 2_000, 200_000)]
    packages = [pack(content, coder) for content in contents for coder in DECODED]
    expected = [[(OK, content)] * 2 for content in contents for _ in DECODED]
    assert unpacked_by(["qemu-arm", program], packages) == expected


@pytest.mark.long
def test_it_takes_at_most_six_kilobytes_of_thumb_code(tmp_path):
    """Needs gcc-arm-none-eabi of Debian."""
    assert shutil.which("arm-none-eabi-gcc"), "apt-get install gcc-arm-none-eabi"
    command = ["arm-none-eabi-gcc", "-std=c99", "-Os", "-mthumb", "-mcpu=cortex-m4", "-ffreestanding", "-c"]
    subprocess.run([*command, DEVICE / "tfpack.c", "-o", tmp_path / "t.o"], check=True, timeout=60)
    sizes = subprocess.run(["arm-none-eabi-size", tmp_path / "t.o"], check=True, capture_output=True, text=True)
    text, data, bss = map(int, sizes.stdout.splitlines()[1].split()[:3])
    assert (text <= 6_000, data, bss) == (True, 0, 0)


@pytest.mark.long
def test_libfuzzer_finds_no_package_that_does_harm(tmp_path):
    """Needs clang and libclang-rt-dev of Debian."""
    assert shutil.which("clang"), "apt-get install clang libclang-rt-dev"
    (tmp_path / "seeds").mkdir()
    for number, (size, coder) in enumerate(product((0, 1, 100, 2000), DECODED)):
        (tmp_path / "seeds" / str(number)).write_bytes(fast_package(weights(size), coder))
    sources = [f"-I{DEVICE}", DRIVER.with_name("fuzz_tfpack.c"), DEVICE / "tfpack.c"]
    sanitizers = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    program = tmp_path / "fuzz"
    subprocess.run(["clang", "-std=c99", *sanitizers, *sources, "-o", program], check=True, timeout=120)
    command = [program, "-max_total_time=60", "-max_len=4096", "-timeout=10", tmp_path / "seeds"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
