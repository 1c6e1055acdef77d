"""A run's folder belongs to one run at a time, and a run that was cut leaves nothing that a later one would ship."""

import errno

import pytest
from filelock import FileLock

import compressor
from compressor.base.errors import OutputError
from compressor.run.run_folder import claimed, explained


@pytest.fixture
def plan():
    return compressor.plan("ptq")


def test_a_second_run_is_refused_while_the_first_one_writes(plan, tmp_path):
    (tmp_path / "out").mkdir()
    with (
        FileLock(tmp_path / "out" / ".running.lock"),
        pytest.raises(OutputError) as error,
        claimed(plan, tmp_path / "out"),
    ):
        pass
    assert str(error.value) == f"another run is writing to the folder {tmp_path / 'out'}; name another one"


def test_what_a_cut_run_left_is_cleared_and_what_is_another_s_stays(plan, tmp_path):
    stale = tmp_path / "out" / "stages" / "7-old.tflite"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"old")
    with claimed(plan, tmp_path / "out") as folder:
        assert not stale.exists()
    assert list(folder.iterdir()) == []
    (folder / "report.json").write_text("{}")
    with pytest.raises(OutputError, match="is not empty"), claimed(plan, folder):
        pass


def test_seeds_of_which_not_all_came_to_their_report_are_taken_up_again(plan, tmp_path):
    done = tmp_path / "out" / "seed-0"
    done.mkdir(parents=True)
    (done / "report.json").write_text("{}")
    with pytest.raises(OutputError, match="is not empty"), claimed(plan, tmp_path / "out"):
        pass
    with claimed(plan, tmp_path / "out", several=True) as folder, claimed(plan, folder / "seed-0") as own:
        assert list(own.iterdir()) == [own / ".running.lock"]
    (done / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"), claimed(plan, tmp_path / "out", several=True):
        pass
    (done / "notes.txt").unlink()
    (tmp_path / "out" / "seeds.json").write_text("{}")
    with pytest.raises(OutputError, match="is not empty"), claimed(plan, tmp_path / "out", several=True):
        pass


def test_a_folder_that_cannot_be_made_is_told(plan, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as error, claimed(plan, tmp_path / "file" / "out"):
        pass
    assert (
        str(error.value) == f"the folder {tmp_path / 'file' / 'out'} cannot be made (Not a directory); name another one"
    )


def test_a_file_that_cannot_be_read_is_told_from_a_folder_that_cannot_be_written(tmp_path):
    out, model = tmp_path / "out", tmp_path / "model.h5"
    assert str(explained(OSError(errno.EACCES, "Permission denied", str(out / "stages" / "x")), out)) == (
        "the results cannot be written (Permission denied); "
        "free some space or make the folder writable, and run the same command again to resume"
    )
    assert str(explained(OSError(errno.EACCES, "Permission denied", str(model)), out)) == (
        f"{model} cannot be read or written (Permission denied); check that it exists, and its permissions"
    )
    assert "the results cannot be written (No space left on device)" in str(
        explained(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "cache")), out)
    )
