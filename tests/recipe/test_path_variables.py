"""`~` and `${NAME}` in the paths of a recipe."""

import pytest

from compressor.recipe.load import load

HEAD = "version: 1\nmodel: {source: x}\n"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("DATA", "/data")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("HF_TOKEN", "hidden")
    monkeypatch.delenv("GONE", raising=False)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("~/a.npz", "/home/ann/a.npz"),
        ("${DATA}/a.npz", "/data/a.npz"),
        ("x${DATA}${DATA}", "x/data/data"),
        ("$DATA/a.npz", "$DATA/a.npz"),
        ("a~/b.npz", "a~/b.npz"),
        ("~", "/home/ann"),
    ],
)
def test_they_are_replaced_in_a_path(write, written, path):
    recipe = load(write(f'{HEAD}data: {{source: "{written}"}}\nplugins: ["{written}"]\n'))
    assert (recipe.data.source, recipe.plugins) == (path, [path])


def test_they_are_replaced_wherever_a_path_may_stand(write, monkeypatch, here):
    monkeypatch.setenv("HERE", str(here))
    write(HEAD + "data: {source: y}\n", "base.yaml")
    recipe = load(
        write("""\
            extends: ${HERE}/base.yaml
            model: {source: "~/net.py:make", custom_objects: ["${DATA}/layers.py"]}
            training: {loss: "${DATA}/losses.py:mine", teacher: "${DATA}/t.keras"}
            data: {source: "tfds:mnist", with: {data_dir: "~/tfds"}}
        """)
    )
    assert recipe.model.source == "/home/ann/net.py:make"
    assert recipe.model.custom_objects == ["/data/layers.py"]
    assert recipe.training.loss == "/data/losses.py:mine"
    assert recipe.training.teacher.source == "/data/t.keras"
    assert recipe.data.with_ == {"data_dir": "/home/ann/tfds"}


def test_they_stay_in_what_is_no_path(write):
    recipe = load(write(HEAD + "data: {source: y, with: {text: '~ ${GONE}'}}\ndescription: '~ ${GONE}'\n"))
    assert (recipe.data.with_, recipe.description) == ({"text": "~ ${GONE}"}, "~ ${GONE}")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "${GONE}/a",
            "the environment variable 'GONE' is not set; set it, as in 'export GONE=/data', or write the path itself",
        ),
        (
            "${EMPTY}/a",
            "the environment variable 'EMPTY' is not set; set it, as in 'export EMPTY=/data', or write the path itself",
        ),
        ("${DATA:-/x}/a", "'${DATA:-/x}' is not the name of an environment variable; write it as ${NAME}"),
        ("${}/a", "'${}' is not the name of an environment variable; write it as ${NAME}"),
        ("${HF_TOKEN}/a", "the environment variable 'HF_TOKEN' is a secret by its name; keep it out of paths"),
        ("~nobody-here/a", "there is no home folder '~nobody-here' on this machine; write the path itself"),
    ],
)
def test_what_cannot_be_replaced_is_told_at_its_place(refusal, written, message):
    assert refusal(f'{HEAD}data: {{source: "{written}"}}\n').splitlines()[0] == f"recipe.yaml:3:16: error: {message}"


def test_the_path_of_an_extended_recipe_is_told_the_same_way(refusal):
    assert refusal("extends: ${GONE}/base.yaml\n").splitlines()[0] == (
        "recipe.yaml:1:10: error: the environment variable 'GONE' is not set; "
        "set it, as in 'export GONE=/data', or write the path itself"
    )
