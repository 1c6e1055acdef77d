"""`apply --track`: what is wrong with a tracker is told before the run, with the command line's exit codes."""

import pytest


def test_a_tracker_that_there_is_not_is_a_fault_of_the_command_line(run, tmp_path):
    told = "error: there is no tracker 'mlfow'; did you mean 'mlflow'?\n"
    assert run("apply", "prune_qat", "--output", "out", "--track", "mlfow") == (2, "", told)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_tracker_whose_library_is_missing_says_what_to_install(run, tmp_path, monkeypatch, name):
    from importlib.metadata import version

    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    told = (
        f"error: the tracker '{name}' (compressor {version('compressor')}) needs {name}, which is not installed; "
        f"pip install 'compressor[{name}]'\n"
    )
    assert run("apply", "prune_qat", "--output", "out", "--track", name) == (1, "", told)
    assert not (tmp_path / "out").exists()
