"""The compiled coder writes and reads the bytes of the one in Python, and both read old packages."""

import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.models.packing import arithmetic_coder, compiled_coder, compiled_library
from compressor.models.packing.arithmetic_coder import Coder
from compressor.models.packing.byte_coder import code_bytes
from compressor.models.packing.coder_type import DamagedError
from compressor.models.packing.compiled_coder import CompiledCoder, new_coder
from compressor.models.packing.compiled_library import WITHOUT_VARIABLE, CompiledLibrary, built_library
from compressor.models.packing.package import coder_of, pack, unpack
from compressor.models.packing.weight_coder import code_weights

OLD = sorted((Path(__file__).parent / "packages").glob("*.tfpack"))  # of each coder as it was first
SOURCE = Path(compiled_library.__file__).parent / "native" / "mixing.c"
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow")
LIBRARY = ("-ffp-contract=off", "-fPIC", "-shared", "-fvisibility=hidden")
names = st.integers(-3, 300) | st.text(max_size=2) | st.tuples(st.integers(0, 3), st.integers(0, 3))


@pytest.fixture
def by_python(monkeypatch):
    monkeypatch.setenv(WITHOUT_VARIABLE, "1")


@st.composite
def numbers_with_contexts(draw):
    """What a coder is given, call by call: contexts, their set, bits, and the number."""
    sets = draw(st.lists(st.tuples(names, st.integers(1, 8), st.integers(0, 10)), min_size=1, max_size=3))
    calls = []
    for _ in range(draw(st.integers(1, 25))):
        place = draw(st.integers(0, len(sets) - 1))
        name, count, bits = sets[place]
        contexts = tuple((place, index, draw(names)) for index in range(count))
        calls.append((contexts, ("set", place, name), bits, draw(st.integers(0, 2 ** max(bits, 1) - 1))))
    return calls


def played(coder, calls, times=2):
    """The numbers that come back."""
    return [
        coder.symbol(contexts, chooses, bits, value) if bits else coder.bit(contexts, chooses, value)
        for _ in range(times)
        for contexts, chooses, bits, value in calls
    ]


@settings(max_examples=25, deadline=None)
@given(numbers_with_contexts(), st.binary(max_size=40))
def test_any_bits_in_any_contexts_make_the_same_payload_and_any_payload_the_same_bits(calls, payload):
    writers = Coder(), CompiledCoder(built_library())
    assert played(writers[0], calls) == played(writers[1], calls) == [value for *_, value in calls] * 2
    written = writers[0].finished()
    assert writers[1].finished() == written
    for content in (written, payload):
        readers = Coder(content), CompiledCoder(built_library(), content)
        assert played(readers[0], calls) == played(readers[1], calls)
    for writer in writers:  # what was learned counts in the next payload
        writer.restart()
        played(writer, calls)
    assert writers[0].finished() == writers[1].finished()


@st.composite
def matrices(draw):
    """Rows, columns, bits of each weight, and weights: few or many, in columns or anywhere."""
    rows, columns, bits = draw(st.integers(1, 12)), draw(st.integers(1, 30)), draw(st.sampled_from((2, 4, 8)))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = chance.laplace(0, draw(st.sampled_from((0.3, 2, 30))), (rows, columns))
    values[chance.random((rows, columns)) < draw(st.sampled_from((0, 0.5, 0.95)))] = 0
    values[:, chance.random(columns) < draw(st.sampled_from((0, 0.7)))] = 0
    return rows, columns, bits, bytes((np.round(values).astype(int) % 2**bits).reshape(-1).tolist())


@settings(max_examples=40, deadline=None)
@given(st.lists(matrices(), min_size=1, max_size=3))
def test_any_weights_make_the_same_payload_and_come_back(layers):
    writers = Coder(), CompiledCoder(built_library())
    for coder in writers:
        for layer in layers:
            assert code_weights(coder, *layer) == layer[-1]
    payload = writers[0].finished()
    assert writers[1].finished() == payload
    reader = CompiledCoder(built_library(), payload)
    assert [code_weights(reader, *layer[:-1]) for layer in layers] == [layer[-1] for layer in layers]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.binary(max_size=30), st.sampled_from((1, 2, 4, 8)), st.booleans()), min_size=1, max_size=5)
)
def test_any_bytes_make_the_same_payload_and_come_back(rows):
    payloads = []
    for coder in (Coder(), CompiledCoder(built_library())):
        before = b""
        for content, width, at_root in rows:
            path = () if at_root else (3, -1, width)
            assert code_bytes(coder, path, before, content, len(content), width) == content
            before = content
        payloads.append(coder.finished())
    assert payloads[0] == payloads[1]
    reader, before = CompiledCoder(built_library(), payloads[0]), b""
    for content, width, at_root in rows:
        path = () if at_root else (3, -1, width)
        assert code_bytes(reader, path, before, None, len(content), width) == content
        before = content


@settings(max_examples=15, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 12), st.integers(1, 40), st.sampled_from((2, 4, 8)))
def test_any_payload_is_read_as_the_same_weights(payload, rows, columns, bits):
    readers = Coder(payload), CompiledCoder(built_library(), payload)
    assert code_weights(readers[0], rows, columns, bits) == code_weights(readers[1], rows, columns, bits)


def test_old_packages_are_read_and_made_again_byte_by_byte():
    assert len(OLD) == 13
    for path in OLD:
        package = path.read_bytes()
        content = unpack(package)
        coder = coder_of(package)
        assert coder not in ("model", "mixed") or pack(content, coder) == package


def test_python_alone_reads_and_makes_them_too(by_python):
    assert isinstance(new_coder(), Coder)
    for name in ("model-small", "model-sequence"):
        package = next(path for path in OLD if path.stem == name).read_bytes()
        assert pack(unpack(package), "model") == package


def test_a_library_that_computes_otherwise_is_not_used(monkeypatch):
    monkeypatch.setattr(compiled_coder, "_PROOF", b"other")
    compiled_coder._proven_library.cache_clear()
    try:
        assert isinstance(new_coder(), Coder)
    finally:
        monkeypatch.undo()
        compiled_coder._proven_library.cache_clear()
    assert isinstance(new_coder(), CompiledCoder)


@pytest.mark.parametrize("limit", ["_ALWAYS_CODED", "_MOST_SEEN"])
def test_too_many_bits_or_contexts_are_refused_by_both(limit, monkeypatch):
    monkeypatch.setattr(arithmetic_coder, limit, 1000)
    monkeypatch.setattr(arithmetic_coder, "_MOST_OF_A_BYTE", 100)
    for coder in (Coder(b"1234567890"), CompiledCoder(built_library(), b"1234567890")):
        with pytest.raises(DamagedError, match=r"^it was cut or changed$"):
            for number in range(3000):
                coder.bit((("a", number),), "b", number & 1)


def test_more_weights_or_bytes_than_a_payload_has_bits_are_refused_before_there_is_room_for_them():
    for coder in (Coder(b""), CompiledCoder(built_library(), b"")):
        with pytest.raises(DamagedError, match=r"^it was cut or changed$"):
            code_weights(coder, 2**20, 2**20, 8)
        with pytest.raises(DamagedError, match=r"^it was cut or changed$"):
            code_bytes(coder, (), b"", None, 2**40, 1)


def test_a_payload_that_would_be_refused_is_not_made(monkeypatch):
    monkeypatch.setattr(arithmetic_coder, "_ALWAYS_CODED", 1000)
    for coder in (Coder(), CompiledCoder(built_library())):
        code_weights(coder, 20, 500, 8, bytes(10_000))
        with pytest.raises(DamagedError, match=r"^it was cut or changed$"):
            coder.finished()


def compiled(folder, compiler, *options):
    file = folder / "library.so"
    sources = SOURCE, SOURCE.with_name("mixed_coder.c")
    subprocess.run([compiler, *WARNINGS, *LIBRARY, *options, *sources, "-o", file], check=True, timeout=60)
    return CompiledLibrary(file)


def payload_by(library):
    chance, coder = np.random.default_rng(0), CompiledCoder(library)
    for spread in (1, 10, 60):
        values = np.clip(np.round(chance.laplace(0, spread, 40 * 50)), -127, 127).astype(int) % 256
        code_weights(coder, 40, 50, 8, bytes(values.tolist()))
    return coder.finished()


def test_the_compiler_at_hand_makes_the_same_bytes_with_and_without_optimization(tmp_path):
    for number, options in enumerate((("-O0",), ("-O3",))):
        (tmp_path / str(number)).mkdir()
        assert payload_by(compiled(tmp_path / str(number), "cc", *options)) == payload_by(built_library())


@pytest.mark.long
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("options", [("-O0",), ("-O2",), ("-O3",), ("-O3", "-march=native")])
def test_every_compiler_makes_the_same_bytes(tmp_path, compiler, options):
    """Needs gcc and clang of Debian."""
    assert shutil.which(compiler), f"apt-get install {compiler}"
    assert payload_by(compiled(tmp_path, compiler, *options)) == payload_by(built_library())


def test_arithmetic_that_is_not_of_ieee_754_is_not_compiled(tmp_path):
    command = ["cc", "-std=c99", "-ffast-math", "-c", SOURCE, "-o", tmp_path / "m.o"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "doubles must be computed as IEEE 754 says" in done.stderr


def test_both_tables_and_constants_are_those_of_python():
    rates, logits, sigmoids = arithmetic_coder.tables()
    assert (len(rates), len(logits), len(sigmoids)) == (255, 4096, 3073)
    assert math.isclose(rates[0], 1 / 1.8)


@pytest.mark.long
def test_libfuzzer_finds_no_payload_that_does_harm(tmp_path):
    """Needs clang and libclang-rt-dev of Debian."""
    assert shutil.which("clang"), "apt-get install clang libclang-rt-dev"
    sources = [f"-I{SOURCE.parent}", Path(__file__).with_name("fuzz_mixing.c")]
    sanitizers = ["-g", "-O1", "-ffp-contract=off", "-fsanitize=fuzzer,address,undefined"]
    program = tmp_path / "fuzz"
    command = ["clang", "-std=c99", *sanitizers, "-fno-sanitize-recover=all", *sources, "-o", program, "-lm"]
    subprocess.run(command, check=True, timeout=120)
    command = [program, "-max_total_time=60", "-max_len=2048", "-timeout=10"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
