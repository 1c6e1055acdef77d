"""A run's folder belongs to one run at a time, and a run that was cut leaves nothing that a later one would ship."""

import errno

import pytest
from filelock import FileLock

import compressor
from compressor.base import atomic_files
from compressor.base.errors import OutputError
from compressor.run.run_folder import claimed, write_last


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
    with pytest.raises(OutputError, match="holds a run that is done"), claimed(plan, folder):
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
    with pytest.raises(OutputError, match="holds a run that is done"), claimed(plan, tmp_path / "out", several=True):
        pass


def test_a_folder_that_cannot_be_made_is_told(plan, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as error, claimed(plan, tmp_path / "file" / "out"):
        pass
    assert (
        str(error.value) == f"the folder {tmp_path / 'file' / 'out'} cannot be made (Not a directory); name another one"
    )


def test_a_folder_whose_run_is_done_says_so_and_where_its_report_is(plan, tmp_path):
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(OutputError) as error, claimed(plan, tmp_path):
        pass
    assert str(error.value) == (
        f"the folder {tmp_path} holds a run that is done, with its report in {tmp_path / 'report.md'}; "
        "nothing was changed; to run it again, name another folder, or remove this one"
    )
    (tmp_path / "report.json").rename(tmp_path / "seeds.json")
    with pytest.raises(OutputError) as error, claimed(plan, tmp_path, several=True):
        pass
    assert f"holds a run that is done, with its report in {tmp_path / 'seeds.json'};" in str(error.value)
    (tmp_path / "seeds.json").rename(tmp_path / "mine.json")
    with pytest.raises(OutputError) as error, claimed(plan, tmp_path):
        pass
    assert str(error.value) == f"the folder {tmp_path} is not empty; name another one, or remove it"


def test_what_a_run_was_writing_when_it_was_killed_is_removed_and_other_hidden_files_count(plan, tmp_path):
    for name in (".report.json.0123456789ab.tmp", ".model.tflite.ba9876543210.tmp"):
        (tmp_path / name).write_text("half")
    with claimed(plan, tmp_path) as folder:
        assert list(folder.iterdir()) == [folder / ".running.lock"]
    (tmp_path / ".notes.0123456789ab.tmp").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"), claimed(plan, tmp_path):
        pass


def test_a_report_that_is_not_certain_to_stay_is_none(tmp_path, monkeypatch):
    def fails(path):
        if path == tmp_path:
            raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(atomic_files, "_sync", fails)
    with pytest.raises(OSError, match="Input/output error"):
        write_last(tmp_path / "report.json", "{}")
    assert list(tmp_path.iterdir()) == []
