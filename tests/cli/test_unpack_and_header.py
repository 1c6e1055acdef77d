"""`compressor unpack` and `compressor header`: what is shipped comes back, on a computer and in firmware."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from compressor.models.packing.package import pack

PACKAGES = Path(__file__).parents[1] / "models" / "packing" / "packages"
CONTENT = bytes(range(256)) * 3


@pytest.fixture
def package(tmp_path):
    path = tmp_path / "model.tfpack"
    path.write_bytes(pack(CONTENT, "gzip"))
    return path


def test_the_file_comes_back_beside_its_package(call, package, tmp_path):
    size = package.stat().st_size
    inner = tmp_path / "model.tflite"
    assert call("unpack", package) == (0, f"{inner}: 768 bytes, from {size} packed by gzip\n", "")
    assert inner.read_bytes() == CONTENT
    text = f"error: {inner} exists already; choose another name, or pass --force to replace it\n"
    assert call("unpack", package) == (1, "", text)
    assert call("unpack", package, "--force")[0] == 0


def test_it_is_told_that_the_coder_is_not_compiled(call, tmp_path, monkeypatch):
    package = tmp_path / "small.tfpack"
    shutil.copy(PACKAGES / "model-small.tfpack", package)
    monkeypatch.setenv("COMPRESSOR_WITHOUT_COMPILED", "1")
    note = "note: packages are coded by Python, which takes about a hundred times as long as compiled code, since "
    note += "COMPRESSOR_WITHOUT_COMPILED is set; unset it\n"
    told = f"{tmp_path / 'small.tflite'}: 1,849 bytes, from 465 packed by model\n"
    assert call("unpack", package) == (0, told, note)
    slow = (tmp_path / "small.tflite").read_bytes()
    monkeypatch.delenv("COMPRESSOR_WITHOUT_COMPILED")
    assert call("unpack", package, "--force") == (0, told, "")
    assert (tmp_path / "small.tflite").read_bytes() == slow


def test_what_cannot_be_unpacked_is_told(call, tmp_path):
    bad = tmp_path / "bad.tfpack"
    bad.write_bytes(b"TFL")
    text = "error: this is not a package; give a .tfpack file that the step 'pack' made\n"
    assert call("unpack", bad) == (1, "", text)
    gone = tmp_path / "gone.tfpack"
    assert call("unpack", gone) == (1, "", f"error: there is no package {gone}; check the path\n")


def test_a_header_holds_the_bytes_their_number_and_their_hash(call, package, tmp_path):
    header = tmp_path / "my-model.h"
    size = package.stat().st_size
    assert call("header", package, header) == (0, f"{header}: my_model, {size} bytes\n", "")
    text = header.read_text()
    found = bytes(int(byte, 16) for byte in re.findall(r"0x([0-9a-f]{2})", text))
    assert found == package.read_bytes()
    assert f"my_model_len = {size};" in text
    assert f'my_model_sha256[] = "{hashlib.sha256(found).hexdigest()}";' in text


def test_only_what_ships_becomes_a_header(call, tmp_path):
    other = tmp_path / "model.h5"
    other.write_bytes(b"\x89HDF\r\n\x1a\n")
    remedy = "give a model file that a run wrote, or that `compressor convert` made"
    text = f"error: {other} is neither a .tflite file nor a package; {remedy}\n"
    assert call("header", other, tmp_path / "model.h") == (1, "", text)


@pytest.mark.parametrize("command", ["unpack", "header"])
def test_a_damaged_package_is_not_written(call, package, tmp_path, command):
    content = bytearray(package.read_bytes())
    content[len(content) // 2] ^= 4
    package.write_bytes(content)
    code, out, err = call(command, package, tmp_path / "out")
    assert (code, out) == (1, "")
    assert err.startswith("error: the package is damaged (")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["unpack", "header"])
def test_an_output_is_never_a_folder_or_a_device(call, package, tmp_path, command):
    text = f"error: {tmp_path} exists, and is not a file; choose another name\n"
    assert call(command, package, tmp_path, "--force") == (1, "", text)
    os.mkfifo(tmp_path / "pipe")  # as a device is, which a test that runs as root must not put at risk
    assert call(command, package, tmp_path / "pipe", "--force")[0] == 1
    gone = tmp_path / "gone" / "x"
    assert call(command, package, gone) == (1, "", f"error: there is no folder {gone.parent}; create it first\n")


def test_an_output_that_cannot_be_written_is_told(call, package, tmp_path):
    output = tmp_path / f"{'x' * 250}.h"  # its temporary name is longer than any may be
    text = f"error: {output} cannot be read or written (File name too long); choose a shorter name\n"
    assert call("header", package, output) == (1, "", text)
    assert list(tmp_path.glob("*.h")) == []


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_c_compiler_takes_the_header(call, package, tmp_path):
    call("header", package, tmp_path / "model.h")
    source = tmp_path / "main.c"
    source.write_text(
        '#include <stdio.h>\n#include <stdint.h>\n#include "model.h"\n'
        "int main(void) { fwrite(model, 1, model_len, stdout); return (uintptr_t)model % 16 || !model_sha256[63]; }\n"
    )
    subprocess.run(["cc", "-std=c11", "-Wall", "-Werror", source, "-o", tmp_path / "main"], check=True)
    assert subprocess.run([tmp_path / "main"], check=True, capture_output=True).stdout == package.read_bytes()


def test_firmware_gets_weights_within_the_flatbuffer(call, tmp_path, small_cnn, monkeypatch):
    from compressor.models.litert.conversion.converter import to_litert
    from compressor.models.litert.format import flatbuffer

    content = flatbuffer.write_model(flatbuffer.read_model(to_litert(small_cnn())))
    with monkeypatch.context() as patch:
        patch.setattr(flatbuffer, "_MOST_INLINE", 0)
        (tmp_path / "model.tflite").write_bytes(flatbuffer.write_model(flatbuffer.read_model(content)))
    header = tmp_path / "model.h"
    told = f"{header}: model, {len(content):,} bytes, with the weights that lay after its flatbuffer in it\n"
    assert call("header", tmp_path / "model.tflite", header)[:2] == (0, told)
    assert bytes.fromhex("".join(re.findall(r"0x(..)", header.read_text()))) == content
