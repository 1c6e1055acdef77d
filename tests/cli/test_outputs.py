"""Faults of disks are told in the same words for every output."""

import errno
import os

import pytest

from compressor.base.errors import OutputError
from compressor.cli.outputs import written


def test_an_output_on_a_full_disk_is_told_as_any_other_file(tmp_path):
    with pytest.raises(OutputError) as caught, written(tmp_path / "model.h"):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(tmp_path / "model.h"))
    remedy = "check that disk, and run the same command again"
    assert str(caught.value) == f"the disk failed at {tmp_path / 'model.h'} (Input/output error); {remedy}"
