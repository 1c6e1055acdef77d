import pytest
from fake_distributions import installer


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """A function that runs a command line within this process, in a folder of its own: (exit code, stdout, stderr)."""
    from compressor.cli import root
    from compressor.cli.boundary import run_guarded

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments):
        capsys.readouterr()
        code = run_guarded(root, list(arguments))
        out, err = capsys.readouterr()
        return int(code), out, err

    return call


@pytest.fixture
def call(capfd):
    """A function that runs a command line where the test is, native output included: (exit code, stdout, stderr)."""
    from compressor.cli import root
    from compressor.cli.boundary import run_guarded

    def call(*arguments):
        code = run_guarded(root, [str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def install(tmp_path, monkeypatch):
    return installer(tmp_path, monkeypatch)
