"""Packages give back what went in, and nothing else."""

import random
import re
import signal
import subprocess
import sys
import threading
import time
import zlib
from contextlib import suppress

import numpy as np
import pytest

import compressor
from compressor.base.errors import ModelError
from compressor.models.packing.coders import CODERS
from compressor.models.packing.package import coder_of, is_package, pack, unpack, unpacked

STANDARD = [name for name in CODERS if name != "model"]
CONTENT = bytes(random.Random(0).choices(range(256), weights=[200, *[1] * 255], k=3000))


@pytest.mark.parametrize("coder", STANDARD)
@pytest.mark.parametrize("content", [CONTENT, b"x", b""])
def test_a_package_gives_back_what_was_packed(coder, content):
    package = pack(content, coder)
    assert coder_of(package) == coder
    assert compressor.unpack(package) == content


@pytest.mark.parametrize("coder", STANDARD)
def test_no_flipped_bit_and_no_cut_goes_unnoticed(coder):
    package, chance = pack(CONTENT, coder), random.Random(1)
    header = 3 + 1 + 2 + 4
    flips = [*range(8 * 3, 8 * header), *chance.choices(range(8 * header, 8 * len(package)), k=100)]
    damaged = [package[:length] for length in (*range(3, 20), *chance.choices(range(20, len(package)), k=30))]
    for bit in flips:
        flipped = bytearray(package)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    for one in damaged:
        with suppress(ModelError):
            assert compressor.unpack(one) == CONTENT  # the last bits of some coders mean nothing


def test_the_best_coder_makes_the_smallest_package():
    assert len(pack(CONTENT)) == min(len(pack(CONTENT, coder)) for coder in STANDARD)


def test_a_package_for_devices_is_the_smallest_that_the_decoder_in_c_reads():
    package = pack(CONTENT, "device")
    assert coder_of(package) == "mixed"
    assert len(package) == min(len(pack(CONTENT, coder)) for coder in ("gzip", "xz", "mixed"))


def test_the_header_takes_ten_bytes_for_a_small_file():
    assert len(pack(b"x" * 3000, "zstd")) - len(CODERS["zstd"].encode(b"x" * 3000)) == 10


def test_a_file_that_is_no_package_is_named():
    text = "this is not a package; give a .tfpack file that the step 'pack' made"
    with pytest.raises(ModelError, match=f"^{re.escape(text)}$"):
        compressor.unpack(b"TFL3")
    assert not is_package(b"TFL3")
    assert unpacked(b"TFL3") == b"TFL3"


def test_damage_is_told_with_a_remedy():
    package = pack(CONTENT, "zstd")
    wrong = package[:6] + bytes(4) + package[10:]
    text = "the package is damaged (its content is not what was packed); make it again"
    with pytest.raises(ModelError, match=f"^{re.escape(text)}$"):
        compressor.unpack(wrong)
    text = "the package is damaged (its header is cut); make it again"
    with pytest.raises(ModelError, match=f"^{re.escape(text)}$"):
        compressor.unpack(package[:5])


def test_a_package_that_claims_too_much_is_not_opened():
    package = pack(CONTENT, "gzip")
    bomb = package[:4] + b"\xff\xff\xff\xff\x0f" + package[6:]
    with pytest.raises(ModelError, match="the package claims to hold 4,294,967,295 bytes; do not open it"):
        compressor.unpack(bomb)


def test_a_large_file_is_coded_with_faster_settings_and_comes_back(monkeypatch):
    from compressor.models.packing import coders, package

    content = np.random.default_rng(0).normal(0, 1, 2**17 + 1).astype(np.float32).tobytes()
    monkeypatch.setattr(coders, "MEDIUM", 2**18)
    for module in (coders, package):
        monkeypatch.setattr(module, "LARGE", 2**19)
    sizes = {}
    for name in STANDARD:
        packed = pack(content, name)
        assert unpack(packed) == content
        sizes[name] = len(packed)
    assert sizes["xz"] < 0.95 * sizes["zstd"]  # it found out that floats have four bytes
    assert coder_of(pack(content)) == "xz"


def test_coders_run_side_by_side_and_the_order_in_which_they_end_means_nothing(monkeypatch):
    from compressor.models.packing import parallel_coding
    from compressor.models.packing.coder_type import Coder

    meeting = threading.Barrier(2, timeout=30)  # nobody passes it alone

    def coder(number):
        return Coder(lambda content, beaten: (meeting.wait(), bytes([number]))[1], lambda payload, size: payload)

    known = {"a": coder(1), "b": coder(2), "none": Coder(lambda content, beaten: None, lambda payload, size: payload)}
    monkeypatch.setattr(parallel_coding, "CODERS", known)
    monkeypatch.setattr(parallel_coding, "usable_cores", lambda: 2)
    made = parallel_coding.payloads_by(["none", "a", "b"], b"")
    assert list(made.items()) == [("a", b"\1"), ("b", b"\2")]


def test_the_fault_of_a_coder_is_raised_where_it_was_asked_for(monkeypatch):
    from compressor.models.packing import parallel_coding
    from compressor.models.packing.coder_type import Coder

    def fails(content, beaten):
        raise MemoryError("no room")

    known = {"a": CODERS["gzip"], "b": Coder(fails, lambda payload, size: payload)}
    monkeypatch.setattr(parallel_coding, "CODERS", known)
    with pytest.raises(MemoryError, match=r"^no room$"):
        parallel_coding.payloads_by(["a", "b"], b"content")


@pytest.mark.parametrize("name", ["gzip", "zstd", "xz", "mixed"])
def test_a_coder_ends_as_soon_as_it_has_written_more_than_another_needed(name):
    content = np.random.default_rng(0).integers(0, 200, 2**20 + 5000, np.uint8).tobytes()
    told = []

    def beaten(limit):
        return lambda written: told.append(written) or written > limit

    whole = CODERS[name].encode(content, beaten(2**30))
    told.clear()
    assert CODERS[name].encode(content, beaten(300_000)) is None
    assert 300_000 < max(told) < 0.5 * len(whole)
    assert CODERS[name].encode(content, beaten(len(whole))) == whole


def test_what_was_beaten_is_not_among_the_payloads_and_the_smallest_always_is(monkeypatch):
    from compressor.models.packing import parallel_coding
    from compressor.models.packing.coder_type import Coder

    begun = []

    def coder(name, size, ends_early=True):
        def encode(content, beaten):
            begun.append(name)
            return None if ends_early and beaten(size) else bytes(size)

        return Coder(encode, lambda payload, size: payload, ends_early)

    known = {"a": coder("a", 7), "b": coder("b", 5), "long": coder("long", 6, False), "c": coder("c", 6)}
    monkeypatch.setattr(parallel_coding, "CODERS", known)
    monkeypatch.setattr(parallel_coding, "usable_cores", lambda: 1)
    made = parallel_coding.payloads_by(list(known), b"")
    assert begun == ["long", "c", "b", "a"]
    assert {name: len(payload) for name, payload in made.items()} == {"b": 5, "long": 6, "c": 6}


@pytest.mark.parametrize("size", [0, 1, 70_000, 2**20 + 1])
def test_pieces_give_the_bytes_of_the_whole(size):
    import zstandard

    content = np.random.default_rng(1).laplace(0, 20, size).astype(np.int8).tobytes()
    settings = {"write_content_size": False, "write_checksum": False, "write_dict_id": False}
    params = zstandard.ZstdCompressionParameters.from_level(
        22, source_size=size, format=zstandard.FORMAT_ZSTD1_MAGICLESS, **settings
    )
    assert CODERS["zstd"].encode(content) == zstandard.ZstdCompressor(compression_params=params).compress(content)
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    assert CODERS["gzip"].encode(content) == coder.compress(content) + coder.flush()


def test_an_interrupt_ends_a_long_pack_within_a_second(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored\n"
        "from compressor.models.packing import parallel_coding as p\n"
        "from compressor.models.packing.coder_type import Coder\n"
        "from compressor.models.packing.compiled_coder import new_coder\n"
        "from compressor.models.packing.weight_coder import code_weights\n"
        "slow = Coder(lambda c, beaten: code_weights(new_coder(), 4000, 10000, 8, bytes(range(200)) * 200000), None)\n"
        "p.CODERS = {'a': slow, 'b': slow}\n"
        "print('begins', flush=True)\n"
        "p.payloads_by(sys.argv[1:], b'')\n"
    )
    for names in (["a", "b"], ["a"]):
        child = subprocess.Popen([sys.executable, program, *names], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert child.stdout.readline() == b"begins\n"
            time.sleep(1)
            child.send_signal(signal.SIGINT)
            begun = time.monotonic()
            assert child.communicate(timeout=60)[1].splitlines()[-1] == b"KeyboardInterrupt"
            assert time.monotonic() - begun < 5  # a second, where nothing else runs
        finally:
            child.kill()
