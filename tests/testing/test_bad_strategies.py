"""Strategies that misbehave fail the checks that they should, and no others."""

import bad_strategies
import pytest
from running_checks import failing, structural

from compressor.base.import_path import module_of
from compressor.testing import kit_models

FEW = ("returns_what_it_plans", "keeps_inputs_and_outputs", "can_be_saved_and_loaded", "prints_nothing")
SHORT = {  # the checks of each that stand for all of them
    "LoudAndRude": (*FEW, "leaves_the_process_alone", "keeps_zeros"),
    "CallbackThatForgets": (*FEW, "callbacks_have_a_state", "goes_on_after_a_kill"),
}

MODULE = '''
import os, sys
import compressor

{line}


class Good(compressor.Strategy):
    """Leave the model as it is."""

    name = "good"

    def plan(self, state):
        return state.require(format="keras")

    def apply(self, model, context):
        return model
'''


def test_there_are_enough_of_them():
    assert len(BAD) >= 40


@pytest.mark.parametrize("name", ["Good", "GoodTraining", *bad_strategies.STRUCTURAL])
def test_what_is_wrong_with_a_class_is_found_without_tensorflow(name):
    found = failing("strategy", bad_strategies.strategy(name), structural())
    assert set(found) == bad_strategies.EXPECTED.get(name, set()), found


@pytest.mark.parametrize("name", SHORT)
def test_what_is_wrong_with_the_models_that_a_strategy_makes_is_found(name, tensorflow, monkeypatch):
    for model in [*kit_models.TRIED][1:]:
        monkeypatch.delitem(kit_models.TRIED, model)
    found = failing("strategy", bad_strategies.strategy(name), SHORT[name])
    assert set(found) == bad_strategies.EXPECTED[name], found


BAD = [name for name in bad_strategies.EXPECTED if hasattr(bad_strategies, name)]  # without metrics, data and models


@pytest.mark.long
@pytest.mark.parametrize("name", ["Good", "GoodTraining", *BAD])
def test_no_other_check_fails_for_it(name, tensorflow):
    found = failing("strategy", bad_strategies.strategy(name))
    assert set(found) == bad_strategies.EXPECTED.get(name, set()), found


ALONE = "if 'pytest' not in sys.modules: "  # not where the tests import it


@pytest.mark.parametrize(
    ("line", "check", "text"),
    [
        (ALONE + "import tf_keras", "imports_nothing_heavy", "importing its module imports tensorflow and tf_keras"),
        (ALONE + "os._exit(0)", "can_be_imported", "importing it failed with SystemExit: it called os._exit(0)"),
        (
            ALONE + "import no_such_library",
            "can_be_imported",
            "importing it failed with ModuleNotFoundError: No module",
        ),
        (ALONE + "os.chdir('/')", "imports_without_side_effects", "importing its module changed the working directory"),
        (
            ALONE + "os.environ['X_RUDE'] = '1'",
            "imports_without_side_effects",
            "importing its module changed the environment (X_RUDE)",
        ),
        (ALONE + "print('hello')", "imports_without_side_effects", "importing its module, or planning, printed 'hello"),
    ],
    ids=["heavy", "exit", "missing", "folder", "variable", "print"],
)
def test_what_a_module_does_when_it_is_imported_is_found(line, check, text, tmp_path):
    code = MODULE.format(line=line).encode()
    module = module_of(code, tmp_path / "acme.py")
    (tmp_path / "acme.py").write_bytes(code)
    found = failing("strategy", module.Good, structural())
    assert set(found) == {check}, found
    assert found[check][0].startswith(text)


def test_an_import_that_does_not_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("compressor.testing.fresh_process._LONGEST", 2.0)
    code = MODULE.format(line=ALONE + "import time; time.sleep(60)").encode()
    module = module_of(code, tmp_path / "acme.py")
    (tmp_path / "acme.py").write_bytes(code)
    assert failing("strategy", module.Good, structural()) == {"can_be_imported": ("it took more than 2 s",)}


def test_a_class_that_no_other_process_can_import_is_told_as_such():
    from running_checks import outcomes

    class Local(bad_strategies.Good):
        """Leave the model as it is."""

    found = outcomes("strategy", Local, structural())
    assert {name for name, outcome in found.items() if outcome.status == "not run"} >= {
        "can_be_imported", "imports_nothing_heavy", "plan_imports_nothing_heavy",
    }  # fmt: skip
    assert found["can_be_imported"].details == (
        "the class is defined where no other process can import it: in a function or a notebook",
    )
    assert not [name for name, outcome in found.items() if outcome.status == "failed"]
