"""`data.with`, `preprocess` and `augment` in a recipe: checked before anything runs, each problem at its place."""

import json

import pytest
from jsonschema import Draft202012Validator

from compressor.planning import planner
from compressor.planning.json_schema import recipe_schema
from compressor.recipe.problems import RecipeError

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\n"


@pytest.fixture
def problems(tmp_path):
    def found(data):
        path = tmp_path / "recipe.yaml"
        path.write_text(HEAD + data)
        with pytest.raises(RecipeError) as caught:
            planner.check(path)
        errors = [problem for problem in caught.value.problems if problem.severity == "error"]
        return [f"{problem.origin.line}:{problem.origin.column} {problem.message}" for problem in errors]

    return found


def test_steps_are_checked_each_at_its_place(problems):
    assert problems(
        "data:\n"
        "  source: mnist\n"
        "  preprocess:\n"
        "    - resize: [0, 96]\n"
        "    - resiz: [96, 96]\n"
        "    - normalize: {mean: [1, 2, 3], std: [1, 0, 1]}\n"
        "    - {expand: -1, squeeze: -1}\n"
        "    - normalize: 5\n"
        "    - cast: int3\n"
        "  augment:\n"
        "    - flip: sideways\n"
        "    - rotate: 200\n"
        "    - shift: {share: 0.1, by: 3}\n"
    ) == [
        "6:16 'data.preprocess.0.resize.0' must be 1 or more, but is 0",
        "7:7 unknown key 'resiz'; did you mean 'resize'?",
        "8:18 'data.preprocess.2.normalize': a std must be above 0",
        "9:7 'data.preprocess.3': name one step here: resize, rescale, normalize, cast, pad, expand, squeeze, one_hot",
        "10:18 'data.preprocess.4.normalize': give mean and std, or write 'normalize: adapt'",
        "11:13 'data.preprocess.5.cast' cannot be the text 'int3'; did you mean 'int8'?",
        "13:13 'data.augment.0.flip' cannot be the text 'sideways'; known: both, horizontal, vertical",
        "14:15 'data.augment.1.rotate' must be 180 or less, but is 200",
        "15:27 unknown key 'by'; known: fill, only, share",
    ]


def test_the_parameters_of_a_file_are_checked(problems, tmp_path):
    (tmp_path / "images" / "a").mkdir(parents=True)
    assert problems("data: {source: ./images, with: {colour: rgb, size: [0, 3]}}\n") == [
        "3:33 unknown key 'colour'; did you mean 'color'?",
        "3:53 'size.0' must be 1 or more, but is 0",
    ]
    assert problems("data: {source: ./a.tfrecord, with: {inputs: [image]}}\n") == ["3:30 'features' is missing; add it"]
    assert problems("data: {source: ./a.npz, with: {size: 3}}\n") == ["3:32 unknown key 'size'; known: weights"]


@pytest.mark.parametrize(
    "data",
    [
        {"source": "mnist", "preprocess": [{"resize": [32, 32]}, {"normalize": "adapt"}, {"expand": -1}]},
        {"source": "mnist", "preprocess": [{"normalize": {"mean": 0.5, "std": [0.1]}}, {"one_hot": {"classes": 3}}]},
        {"source": "mnist", "augment": [{"flip": "horizontal"}, {"shift": {"share": 0.1, "fill": "reflect"}}]},
        {"source": "./folder", "with": {"size": [1, 2]}, "stratify": True, "test_split": 0.5, "targets": "inputs"},
    ],
)
def test_the_schema_for_editors_knows_the_short_spelling_and_the_long_one(registry, data):
    from compressor.recipe.load import load

    recipe = {"version": 1, "model": {"source": "mnist_cnn", "train": {}}, "data": data}
    errors = Draft202012Validator(recipe_schema(registry)).iter_errors(recipe)
    assert [error.message for error in errors] == []
    assert load(recipe).data.source == data["source"]


def test_the_schema_for_editors_refuses_what_validate_refuses(registry):
    validator = Draft202012Validator(json.loads(json.dumps(recipe_schema(registry))))
    for step in ({"resize": [0, 3]}, {"resize": "x"}, {"normalise": "adapt"}, {"cast": "int3"}):
        data = {"source": "mnist", "preprocess": [step]}
        recipe = {"version": 1, "model": {"source": "mnist_cnn", "train": {}}, "data": data}
        assert list(validator.iter_errors(recipe)), step
