"""Every recipe that ships runs, from its first step to its report."""

import pytest

import compressor
from compressor.recipe import shipped


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache for all of them, since many start from the same baseline or learn from the same teacher."""
    return tmp_path_factory.mktemp("recipes") / "cache"


PLAIN = [name for name in shipped.names() if not name.startswith("search_")]  # those need a search
LONG = ("lenet_300_100", "lenet_5")  # half a minute each; mnist_tiny, with the same steps, stands for them
PACKED_FAST = (*LONG, "mobile")  # since trying every coder takes a minute; mnist_tiny does


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in PLAIN])
def test_the_recipe_runs_whole(name, tmp_path, cache):
    quick = ["steps.pack.with.coder=zstd"] if name in PACKED_FAST else []
    report, folder = compressor.apply(name, overrides=quick, output=tmp_path / "out", smoke=True, cache=cache)
    plan = compressor.plan(name)
    assert [stage.id for stage in report.stages] == ["baseline", *(step.id for step in plan.steps)]
    assert (folder / report.stages[-1].file).stat().st_size == report.stages[-1].bytes
    assert (folder / "model.tflite").is_file()
    assert report.description


@pytest.mark.parametrize("name", PLAIN)
def test_the_recipe_explains_itself_and_holds_a_constraint(name):
    text = (shipped.folder() / f"{name}.yaml").read_text()
    assert text.startswith("# ")
    recipe = compressor.load(name)
    assert recipe.name == name
    assert any(value is not None for value in recipe.constraints.model_dump().values())
