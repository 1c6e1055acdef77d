"""The digest of a module's code changes with any code that it runs, and with nothing else."""

import importlib
import sys

import pytest

from compressor.run.cache.code_digest import code_digest

fresh = code_digest.__wrapped__  # what is cached is so for the time of a process


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path; what is imported from it is forgotten again."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name, module in list(sys.modules.items()):
        if str(folder) in str(getattr(module, "__file__", None) or getattr(module, "__path__", "")):
            del sys.modules[name]


def write(folder, **files):
    """Files by name, in which two underscores stand for a slash and `package` for `__init__`."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/').replace('package', '__init__')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    importlib.invalidate_caches()


@pytest.fixture(params=["import", "from", "inside a function", "relative"])
def importing(request):
    return {
        "import": "import keyed.layers",
        "from": "from keyed.layers import Doubling",
        "inside a function": "def custom_objects():\n    from keyed import layers",
        "relative": "from . import layers",
    }[request.param]


def test_a_layers_module_beside_the_strategys_counts_in_a_folder_without_init(site, importing):
    write(site, keyed__strategy=importing, keyed__layers="FACTOR = 2", keyed__other="")
    before = fresh("keyed.strategy")
    write(site, keyed__other="FACTOR = 9")
    assert fresh("keyed.strategy") == before
    write(site, keyed__layers="FACTOR = 3")
    assert fresh("keyed.strategy") != before


def test_a_module_on_the_path_that_is_imported_by_an_imported_one_counts(site):
    write(site, keyed_strategy="import keyed_layers", keyed_layers="import keyed_maths", keyed_maths="FACTOR = 2")
    before = fresh("keyed_strategy")
    write(site, keyed_maths="FACTOR = 3")
    assert fresh("keyed_strategy") != before


def test_it_is_the_same_whether_the_module_is_imported_or_not(site):
    write(site, keyed__package="", keyed__strategy="from keyed_layers import A", keyed_layers="A = 1")
    before = fresh("keyed.strategy")
    assert "keyed" not in sys.modules
    importlib.import_module("keyed.strategy")
    assert fresh("keyed.strategy") == before


def test_modules_that_import_each_other_are_counted_once(site):
    write(site, keyed_a="import keyed_b", keyed_b="import keyed_a")
    assert fresh("keyed_a") == fresh("keyed_a")


def test_other_distributions_count_by_their_version_and_the_plugins_own_by_its_code(site, monkeypatch):
    from compressor.run.cache import code_digest

    write(site, keyed_strategy="import keyed_layers, numpy", keyed_layers="A = 1")
    places = (site, *code_digest._site_folders())
    monkeypatch.setattr(code_digest, "_site_folders", lambda: places)
    monkeypatch.setattr(code_digest, "_distribution_of", lambda name: "numpy" if name == "numpy" else "keyed-plugin")
    before = fresh("keyed_strategy")
    write(site, keyed_layers="A = 2")
    edited = fresh("keyed_strategy")
    monkeypatch.setattr(code_digest, "_version", lambda distribution: f"another {distribution}")
    assert len({before, edited, fresh("keyed_strategy")}) == 3


def test_a_file_that_is_no_python_stops_nothing(site):
    write(site, keyed__package="", keyed__template="class {{name}}:")
    assert len(fresh("keyed")) == 64


def test_a_package_counts_as_a_whole_and_the_ones_around_it_by_what_importing_it_runs(site):
    write(site, keyed__package="import keyed.common", keyed__common__package="A = 1", keyed__other__package="")
    write(site, keyed__shave__package="", keyed__shave__strategy="", keyed__shave__more="")
    before = fresh("keyed.shave.strategy")
    write(site, keyed__other__package="A = 1")
    assert fresh("keyed.shave.strategy") == before
    write(site, keyed__shave__more="A = 1")
    after_its_own = fresh("keyed.shave.strategy")
    write(site, keyed__common__package="A = 2")
    assert len({before, after_its_own, fresh("keyed.shave.strategy")}) == 3


def test_two_techniques_of_one_folder_have_one_digest_and_those_of_two_have_two(registry):
    ptq, mixed, qat = (
        code_digest(registry.get("strategy", name).cls.__module__) for name in ("ptq", "mixed_precision", "qat")
    )
    assert ptq == mixed
    assert qat != ptq


def test_packages_of_the_system_are_installed_ones_in_an_environment_that_has_them(tmp_path, monkeypatch):
    from compressor.run.cache import code_digest

    monkeypatch.setattr("site.getsitepackages", lambda: [str(tmp_path / "system")])
    monkeypatch.setattr(code_digest, "_site_folders", code_digest._site_folders.__wrapped__)
    assert code_digest._is_installed(tmp_path / "system" / "numpy")
    assert not code_digest._is_installed(tmp_path / "home" / "numpy")


def test_a_folder_without_init_in_a_package_that_is_not_imported_is_passed_by(site):
    write(site, keyed__package="", keyed__strategy="from keyed.parts.data import numbers")
    (site / "keyed" / "parts" / "data").mkdir(parents=True)
    assert fresh("keyed.strategy")
