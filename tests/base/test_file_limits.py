"""Regular files alone are read, and none takes more memory and time than its size accounts for."""

import os
import socket
from pathlib import Path

import pytest

from compressor.base.errors import CompressorError
from compressor.base.file_limits import (
    chosen_seconds,
    content_of,
    probe_memory,
    refuse_special,
    swells,
    unless_raised,
)
from compressor.base.hashing import file_digest


@pytest.fixture
def special(tmp_path):
    """A pipe, a socket and a device, with what each is called."""
    pipe, address = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        yield {pipe: "a named pipe", address: "a socket", Path("/dev/zero"): "a device"}


def test_what_is_no_regular_file_is_refused_before_it_is_opened(special):
    for path, kind in special.items():
        for read in (refuse_special, content_of, file_digest):
            with pytest.raises(CompressorError) as error:
                read(path)
            assert str(error.value) == (
                f"{path} is {kind}, and not a regular file; write its content to a file, and name that"
            )


def test_a_link_to_a_pipe_is_refused_and_one_to_a_file_is_read(special, tmp_path):
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(tmp_path / "pipe")
    with pytest.raises(CompressorError, match="link is a named pipe, and not a regular file"):
        content_of(link)
    link.unlink()
    file.write_bytes(b"content")
    link.symlink_to(file)
    assert content_of(link) == b"content"


def test_files_folders_and_paths_that_lead_nowhere_are_no_matter(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / "missing", Path("x" * 5000), Path("a\0b")):
        refuse_special(path)


def test_a_sparse_file_of_terabytes_is_not_read(tmp_path):
    path = tmp_path / "m.tflite"
    with path.open("wb") as stream:
        stream.truncate(2 * 10**12)
    with pytest.raises(CompressorError) as error:
        content_of(path)
    assert str(error.value) == (
        f"{path} has 2000.0 GB, and is not read into memory beyond 8.0 GB; "
        "set COMPRESSOR_MAX_MEMORY to more than that, if the machine has it"
    )


def test_a_file_may_unpack_to_two_hundred_times_its_size_or_to_a_hundred_megabytes(monkeypatch):
    assert not swells(10**8, 1)
    assert swells(10**8 + 1, 1)
    assert not swells(2 * 10**9, 10**7)
    assert swells(2 * 10**9 + 1, 10**7)
    assert swells(8 * 10**9 + 1, 10**8)
    assert not swells(30 * 10**9, 15 * 10**9)
    assert not swells(300, 1, small=300)
    monkeypatch.setenv("COMPRESSOR_MAX_MEMORY", "20 GB")
    assert not swells(20 * 10**9, 1)
    assert swells(20 * 10**9 + 1, 1)


def test_a_message_names_a_limit_with_which_the_file_is_read(monkeypatch):
    text = "do not load it, or, if you know where it comes from, set COMPRESSOR_MAX_MEMORY to 8.0 GB"
    assert unless_raised("do not load it", 3 * 10**9) == text
    assert unless_raised("do not load it", 9 * 10**9).endswith("set COMPRESSOR_MAX_MEMORY to 18.0 GB")
    assert unless_raised("do not load it", 2**50) == "do not load it"
    assert swells(9 * 10**9, 1)
    monkeypatch.setenv("COMPRESSOR_MAX_MEMORY", "18.0 GB")
    assert not swells(9 * 10**9, 1)


def test_limits_grow_with_the_file_and_are_only_raised(monkeypatch):
    assert probe_memory(0) == 2 * 2**30
    assert probe_memory(10**9) == 2 * 2**30 + 10**10
    monkeypatch.setenv("COMPRESSOR_MAX_MEMORY", "1 GB")
    assert probe_memory(0) == 2 * 2**30
    monkeypatch.setenv("COMPRESSOR_MAX_MEMORY", "5 GB")
    assert probe_memory(0) == 5 * 10**9
    assert chosen_seconds(120) == 120
    monkeypatch.setenv("COMPRESSOR_MAX_SECONDS", "0.5")
    assert chosen_seconds(120) == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("MEMORY", "much", "COMPRESSOR_MAX_MEMORY: 'much' is not a size; write bytes, or a number with "),
        ("MEMORY", "0", "COMPRESSOR_MAX_MEMORY is 0, which is no memory at all; correct it, or unset it"),
        ("SECONDS", "-1", "COMPRESSOR_MAX_SECONDS is '-1', which is not a number of seconds above 0; correct it, or "),
        ("SECONDS", "inf", "COMPRESSOR_MAX_SECONDS is 'inf', which is not a number of seconds above 0; correct it"),
        ("SECONDS", "nan", "COMPRESSOR_MAX_SECONDS is 'nan', which is not a number of seconds above 0; correct it"),
        ("SECONDS", "soon", "COMPRESSOR_MAX_SECONDS is 'soon', which is not a number of seconds above 0; correct"),
    ],
)
def test_a_limit_that_is_none_is_refused(monkeypatch, name, text, message):
    monkeypatch.setenv(f"COMPRESSOR_MAX_{name}", text)
    with pytest.raises(CompressorError) as error:
        swells(1, 1) if name == "MEMORY" else chosen_seconds(1)
    assert str(error.value).startswith(message)
