"""A write that a disk refuses names its file, which the system does not."""

from pathlib import Path

import pytest

from compressor.base.atomic_files import naming, write_named


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named_by_the_file():
    with pytest.raises(OSError, match="No space left on device") as raised:
        Path("/dev/full").write_bytes(b"content")
    assert raised.value.filename is None
    with pytest.raises(OSError, match="No space left on device") as raised:
        write_named(Path("/dev/full"), "content")
    assert raised.value.filename == "/dev/full"


def test_a_name_that_is_known_stays():
    with pytest.raises(FileNotFoundError) as raised, naming(Path("other")):
        Path("/nowhere/file").read_bytes()
    assert raised.value.filename == "/nowhere/file"


def test_texts_and_bytes_are_written_as_they_are(tmp_path):
    write_named(tmp_path / "text", "ä\n")
    write_named(tmp_path / "bytes", b"\x00\r\n")
    assert ((tmp_path / "text").read_bytes(), (tmp_path / "bytes").read_bytes()) == (b"\xc3\xa4\n", b"\x00\r\n")
