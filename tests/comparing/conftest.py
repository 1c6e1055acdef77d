import pytest
from run_folders import write_run


@pytest.fixture
def made(tmp_path):
    """A function that writes the folder of a run into the test's own: `made("a", rows)`."""
    return lambda name, accuracy, **changes: write_run(tmp_path / name, accuracy, **changes)
