import pickle

import pytest
from pydantic import ValidationError

from compressor.base.fields import MAX_ENTRIES
from compressor.contracts.layer_targets import LayerTargets
from compressor.recipe.load import InvalidRecipeError, load, validate_as_json, validated
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.sections import Recipe
from compressor.recipe.tree import from_data

HEAD = "version: 1\nmodel: {source: mnist_cnn}\ndata: {source: mnist}\n"
KEYS = (
    "constraints, data, description, evaluation, model, name, objectives, plugins, requires, runtime, steps, target "
    "and 3 more"
)


def errors(said):
    return [line for line in said.splitlines() if ": error: " in line]


def test_the_smallest_recipe_has_all_defaults_and_the_name_of_its_file(write):
    recipe = load(write(HEAD, "my recipe.yaml"))
    assert recipe.model_dump(by_alias=True) == {
        "version": 1,
        "name": "my_recipe",
        "description": "",
        "plugins": [],
        "requires": {},
        "model": {"source": "mnist_cnn", "with": {}, "custom_objects": [], "input_shape": None, "train": None},
        "data": {
            "source": "mnist",
            "with": {},
            "validation_split": 0.1,
            "test_split": 0.2,
            "stratify": False,
            "targets": "labels",
            "preprocess": None,
            "augment": [],
        },
        "training": recipe.training.model_dump(),
        "threads": 2,
        "runtime": {"distribute": None, "devices": None, "mixed_precision": None},
        "evaluation": {
            "metrics": [{"uses": "accuracy", "with": {}, "name": None, "output": None, "higher_is_better": None}],
            "examples": 12,
            "latency": False,
        },
        "target": None,
        "steps": [],
        "constraints": {
            "max_accuracy_drop": None,
            "min_accuracy": None,
            "max_relative_drop": None,
            "metric_limits": {},
            "metric_drops": {},
            "max_size": None,
            "max_gzip_size": None,
            "max_packed_size": None,
            "max_macs": None,
            "max_latency_ratio": None,
            "min_sparsity": None,
            "max_arena": None,
            "max_flash": None,
            "integer_only": False,
            "stages": {},
        },
        "objectives": [],
    }


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("prune-8.5_x", "prune-8.5_x"),
        (".hidden", "hidden"),
        ("-._", "recipe"),
        ("größe 日", "gr__e__"),
        ("x" * 99, "x" * 80),
    ],
)
def test_the_name_of_the_file_is_made_to_fit(write, stem, name):
    assert load(write(HEAD, f"{stem}.yaml")).name == name


def test_a_recipe_may_be_a_text_a_path_a_bare_name_or_python_data(write):
    path = write(HEAD)
    data = {"version": 1, "name": "recipe", "model": {"source": "mnist_cnn"}, "data": {"source": "mnist"}}
    assert load(str(path)) == load(path) == load(data)
    assert load("baseline").name == load("baseline.yaml").name == "baseline"


def test_a_folder_named_as_a_shipped_recipe_is_not_in_its_way_but_a_file_is(here, write):
    (here / "baseline").mkdir()
    assert load("baseline").model.train is not None
    write(HEAD, "prune")
    assert load("prune").name == "prune"
    assert load("prune").steps == []


def test_the_tree_of_a_recipe_tells_where_each_value_stands(write):
    recipe = load(write(HEAD))
    assert str(recipe.tree.find(("data", "source")).origin) == "recipe.yaml:3:16"
    assert recipe.tree.find(("name",)).origin is None


def test_a_recipe_can_be_sent_to_another_process(write):
    recipe = load(write(HEAD))
    again = pickle.loads(pickle.dumps(recipe))
    assert again == recipe
    assert again.tree == recipe.tree


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "recipe.yaml:1:1: error: the recipe is empty; start it with 'version: 1'"),
        (
            "# only a comment\n",
            "recipe.yaml:1:1: error: the recipe is empty; start it with 'version: 1'\n"
            "    1 | # only a comment\n"
            "      | ^",
        ),
        (
            "null",
            "recipe.yaml:1:1: error: the recipe is empty; start it with 'version: 1'\n    1 | null\n      | ^^^^",
        ),
        (
            "\n- version: 1\n",
            "recipe.yaml:2:1: error: the recipe is not a mapping of keys to values; start it with 'version: 1'\n"
            "    2 | - version: 1\n"
            "      | ^",
        ),
        (
            "prune\n",
            "recipe.yaml:1:1: error: the recipe is not a mapping of keys to values; start it with 'version: 1'\n"
            "    1 | prune\n"
            "      | ^^^^^",
        ),
    ],
)
def test_what_is_no_mapping_is_no_recipe(refusal, text, said):
    assert refusal(text) == said


def test_sections_that_are_missing_are_all_told(refusal):
    assert refusal("name: x\n") == (
        "recipe.yaml:1:1: error: 'data' is missing; add it\n    1 | name: x\n      | ^\n"
        "recipe.yaml:1:1: error: 'model' is missing; add it\n    1 | name: x\n      | ^\n"
        "recipe.yaml:1:1: error: 'version' is missing; add it\n    1 | name: x\n      | ^"
    )


def test_a_recipe_of_a_later_version_needs_a_later_compressor(refusal):
    assert refusal(HEAD.replace("1", "2", 1)).splitlines()[0] == (
        "recipe.yaml:1:10: error: 'version': this compressor knows version 1 of the recipe language, and not 2; "
        "update compressor"
    )


@pytest.mark.parametrize("version", ["0", "'1'", "1.0", "true", "null", "[1]", "9" * 300, "one"])
def test_there_is_only_version_1(refusal, version):
    head, line, _ = refusal(HEAD.replace("1", version, 1)).splitlines()
    assert head == (
        "recipe.yaml:1:10: error: 'version': there is only version 1 of the recipe language so far; write 'version: 1'"
    )
    assert line == f"    1 | version: {version}"[:108]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: mnist_cnn", "2:8: error: 'model' takes a mapping, not the text 'mnist_cnn'"),
        ("model:", "2:7: error: 'model' takes a mapping, not an empty value"),
        ("model: {}", "2:1: error: 'source' is missing in 'model'; add it"),
        ("model: {source: 1}", "2:17: error: 'model.source' takes text, not 1"),
        ("model: {source: ''}", "2:17: error: 'model.source' must not be empty"),
        ("model: {source: a, with: []}", "2:26: error: 'model.with' takes a mapping, not a list"),
        ("model: {source: a, train: 3}", "2:27: error: 'model.train' takes a mapping, not 3"),
        ("steps: prune", "2:8: error: 'steps' takes a list, not the text 'prune'"),
        ("steps: {uses: prune}", "2:8: error: 'steps' takes a list, not a mapping"),
        ("steps: [prune]", "2:9: error: 'steps.0' takes a mapping, not the text 'prune'"),
        ("steps: [{}]", "2:9: error: 'uses' is missing in 'steps.0'; add it"),
        ("steps: [{uses: true}]", "2:16: error: 'steps.0.uses' takes text, not true"),
        ("steps: [{uses: [a]}]", "2:16: error: 'steps.0.uses' takes text, not a list"),
        ("steps: [{uses: a, with: }]", "2:25: error: 'steps.0.with' takes a mapping, not an empty value"),
        ("name: no", None),
        ("name: off", None),
        ("name: 1", "2:7: error: 'name' takes text, not 1"),
        ("name: [a]", "2:7: error: 'name' takes text, not a list"),
        ("name: 1.50", "2:7: error: 'name' takes text, not 1.5"),
        ("name: .nan", "2:7: error: 'name' takes text, not nan"),
        ("description: null", "2:14: error: 'description' takes text, not an empty value"),
        ("plugins: a.py", "2:10: error: 'plugins' takes a list, not the text 'a.py'"),
        ("evaluation: {metrics: accuracy}", "2:23: error: 'evaluation.metrics' takes a list, not the text 'accuracy'"),
        ("evaluation: {metrics: []}", "2:23: error: 'evaluation.metrics' needs 1 or more entries, but has 0"),
        ("evaluation: {metrics: [1]}", "2:24: error: 'evaluation.metrics.0' takes a name or a mapping, not 1"),
        ("training: {batch_size: '32'}", "2:24: error: 'training.batch_size' takes a whole number, not the text '32'"),
        ("training: {batch_size: 32.0}", "2:24: error: 'training.batch_size' takes a whole number, not 32.0"),
        ("training: {batch_size: 1e2}", "2:24: error: 'training.batch_size' takes a whole number, not 100.0"),
        ("training: {batch_size: true}", "2:24: error: 'training.batch_size' takes a whole number, not true"),
        ("training: {batch_size: 0x20}", None),
        ("training: {batch_size: 0o40}", None),
        ("training: {batch_size: .inf}", "2:24: error: 'training.batch_size' takes a whole number, not inf"),
        ("training: {batch_size: 0}", "2:24: error: 'training.batch_size' must be 1 or more, but is 0"),
        (
            "training: {batch_size: 65537}",
            "2:24: error: 'training.batch_size' must be 65536 or less, but is 65537",
        ),
        (
            f"training: {{batch_size: {'9' * 399}}}",
            f"2:24: error: 'training.batch_size' must be 65536 or less, but is {'9' * 37}...",
        ),
        ("training: {learning_rate: 1e-3}", None),
        ("training: {learning_rate: 1}", None),
        (
            "training: {learning_rate: 1e-3x}",
            "2:27: error: 'training.learning_rate' takes a number, not the text '1e-3x'",
        ),
        ("training: {learning_rate: 0}", "2:27: error: 'training.learning_rate' must be above 0, but is 0"),
        ("training: {learning_rate: 11.5}", "2:27: error: 'training.learning_rate' must be 10 or less, but is 11.5"),
        (
            "training: {learning_rate: .nan}",
            "2:27: error: 'training.learning_rate' must be a finite number, but is nan",
        ),
        (
            "training: {learning_rate: -.inf}",
            "2:27: error: 'training.learning_rate' must be a finite number, but is -inf",
        ),
        ("training: {learning_rate: 1e999}", "2:27: error: this number is too large; write a smaller one"),
        (
            f"training: {{learning_rate: {'9' * 350}}}",
            f"2:27: error: 'training.learning_rate' must be a finite number, but is {'9' * 37}...",
        ),
        (
            "training: {early_stopping: {patience: 0}}",
            "2:39: error: 'training.early_stopping.patience' must be 1 or more, but is 0",
        ),
        (
            "training: {early_stopping: {patiense: 1}}",
            "2:29: error: unknown key 'patiense'; did you mean 'patience'?",
        ),
        ("training: {early_stopping: 3}", "2:28: error: 'training.early_stopping' takes a mapping, not 3"),
        (
            "constraints: {max_size: 25 kilos}",
            "2:25: error: 'constraints.max_size': '25 kilos' is not a size; "
            "write bytes, or a number with kB, MB, GB, KiB, MiB or GiB",
        ),
        ("constraints: {max_size: 24.5}", "2:25: error: 'constraints.max_size' takes a whole number, not 24.5"),
        ("constraints: {max_size: true}", "2:25: error: 'constraints.max_size' takes a whole number, not true"),
        ("constraints: {max_size: 0}", "2:25: error: 'constraints.max_size' must be above 0, but is 0"),
        (
            "constraints: {max_size: 0 kB}",
            "2:25: error: 'constraints.max_size' must be above 0, but is the text '0 kB'",
        ),
        (
            f"constraints: {{max_size: {10**18}}}",
            f"2:25: error: 'constraints.max_size' must be {10**15} or less, but is {10**18}",
        ),
        (
            "constraints: {max_accuracy_drop: 1%}",
            "2:34: error: 'constraints.max_accuracy_drop' takes a number, not the text '1%'",
        ),
        (
            "constraints: {max_accuracy_drop: 1.5}",
            "2:34: error: 'constraints.max_accuracy_drop' must be 1 or less, but is 1.5",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_or_out_of_range_is_told_where_it_stands(refusal, write, text, said):
    section = text.partition(":")[0]
    rest = "".join(f"{line}\n" for line in HEAD.splitlines()[1:] if not line.startswith(f"{section}:"))
    recipe = f"version: 1\n{text}\n{rest}"
    if said is None:
        assert load(write(recipe)).version == 1
    else:
        assert refusal(recipe).splitlines()[0] == f"recipe.yaml:{said}"


@pytest.mark.parametrize(
    ("text", "place", "key", "hint"),
    [
        ("stpes: []", "4:1", "stpes", "; did you mean 'steps'?"),
        ("with_: {}", "4:1", "with_", f"; known: {KEYS}"),
        ("1: x", "4:1", "1", f"; known: {KEYS}"),
        ("true: x", "4:1", "true", "; did you mean 'target'?"),
        ("null: x", "4:1", "null", f"; known: {KEYS}"),
        ("'': x", "4:1", "", f"; known: {KEYS}"),
        ("on: x", "4:1", "on", f"; known: {KEYS}"),
        ("? " + "k" * 500_000 + "\n: x", "4:3", "k" * 57 + "...", f"; known: {KEYS}"),
        ("training: {lerning_rate: 1}", "4:12", "lerning_rate", "; did you mean 'learning_rate'?"),
        ("steps: [{uses: a, wiht: {}}]", "4:19", "wiht", "; did you mean 'with'?"),
        ("steps:\n  - uses: a\n    with_: {}", "6:5", "with_", "; did you mean 'with'?"),
        ("evaluation: {metric: [a]}", "4:14", "metric", "; did you mean 'metrics'?"),
        ("constraints: {max-size: 1}", "4:15", "max-size", "; did you mean 'max_size'?"),
    ],
)
def test_an_unknown_key_is_told_with_the_one_that_may_be_meant(refusal, text, place, key, hint):
    assert errors(refusal(HEAD + text)) == [f"recipe.yaml:{place}: error: unknown key '{key}'{hint}"]


@pytest.mark.parametrize(
    "name",
    ["", ".a", "-a", "_a", "a b", "a/b", "../a", "ä", "a\\n"],
)
def test_a_name_is_safe_to_be_a_folder(refusal, name):
    assert refusal(f'{HEAD}name: "{name}"\n').splitlines()[0].startswith("recipe.yaml:4:7: error: 'name' ")
    message = refusal(f'{HEAD}name: "{name}"\n').splitlines()[0].partition("'name' ")[2]
    allowed = "letters, digits, '.', '_' and '-'"
    assert message.startswith(f"may contain only {allowed}, and must start with a letter or digit, but is ")


def test_lists_have_bounds_so_that_no_check_takes_long(refusal, write):
    steps = "steps:\n" + "  - uses: ptq\n" * MAX_ENTRIES
    assert len(load(write(HEAD + steps)).steps) == 64
    assert refusal(HEAD + steps + "  - uses: ptq\n").splitlines()[0] == (
        "recipe.yaml:5:3: error: 'steps' takes at most 64 entries, but has 65"
    )
    assert refusal(HEAD + "name: " + "x" * 81).splitlines()[0] == (
        f"recipe.yaml:4:7: error: 'name' must have at most 80 characters, but is the text '{'x' * 37}...'"
    )
    assert refusal(HEAD + "steps: [{uses: " + "x" * 1_001 + "}]").splitlines()[0] == (
        f"recipe.yaml:4:16: error: 'steps.0.uses' must have at most 1000 characters, but is the text '{'x' * 37}...'"
    )


@pytest.mark.parametrize(
    ("escape", "code"),
    [
        (r"\e[31mred", "001B"),
        (r"\x9b31m", "009B"),
        (r"a\0b", "0000"),
        (r"a\rb", "000D"),
        (r"\x7f", "007F"),
        (r"\u202e", "202E"),
    ],
)
def test_a_value_that_a_terminal_would_act_on_is_refused_and_shown_as_an_escape(refusal, escape, code):
    said = refusal(f'{HEAD}description: "{escape}"\n')
    assert said == (
        f"recipe.yaml:4:14: error: 'description' contains the character U+{code}, "
        "which a terminal would act on; remove it\n"
        f'    4 | description: "{escape}"\n'
        f"      |              {'^' * (len(escape) + 2)}"
    )


def test_a_key_that_a_terminal_would_act_on_is_refused_wherever_it_stands(refusal):
    assert errors(refusal(HEAD + 'steps: [{uses: a, with: {"\\e[2J": 1}}]\n"\\a": 2\n')) == [
        r"recipe.yaml:4:26: error: the key '\x1b[2J' contains a character that a terminal would act on; remove it",
        r"recipe.yaml:5:1: error: the key '\x07' contains a character that a terminal would act on; remove it",
        rf"recipe.yaml:5:1: error: unknown key '\x07'; known: {KEYS}",
    ]


def test_line_feeds_tabs_and_all_of_unicode_are_welcome(write):
    text = HEAD + 'description: "one\\n\\ttwo, 日本語, 🏳️\u200d🌈, \u05d0\\u00a0"\n'
    assert load(write(text)).description == "one\n\ttwo, 日本語, 🏳️\u200d🌈, \u05d0\xa0"


def test_half_a_surrogate_pair_in_python_data_is_refused():
    with pytest.raises(RecipeError) as caught:
        load({"version": 1, "description": "\ud800", "model": {"source": "x"}, "data": {"source": "y"}})
    assert str(caught.value) == (
        "error: 'description' contains the character U+D800, which a terminal would act on; remove it"
    )


def test_all_problems_are_told_at_once_in_the_order_of_the_text(refusal):
    text = """\
version: 1
name: a
name: b
modle: {source: x}
data: !x {source: 1}
training: {lerning_rate: 1, batch_size: 0}
steps:
  - use: prune
  - uses: "\\e"
"""
    assert errors(refusal(text)) == [
        "recipe.yaml:1:1: error: 'model' is missing; add it",
        "recipe.yaml:3:1: error: 'name' is given twice (first on line 2); keep one",
        "recipe.yaml:4:1: error: unknown key 'modle'; did you mean 'model'?",
        "recipe.yaml:5:7: error: the tag '!x' is not part of the recipe language; remove it",
        "recipe.yaml:5:19: error: 'data.source' takes text, not 1",
        "recipe.yaml:6:12: error: unknown key 'lerning_rate'; did you mean 'learning_rate'?",
        "recipe.yaml:6:41: error: 'training.batch_size' must be 1 or more, but is 0",
        "recipe.yaml:8:5: error: 'uses' is missing in 'steps.0'; add it",
        "recipe.yaml:8:5: error: unknown key 'use'; did you mean 'uses'?",
        "recipe.yaml:9:11: error: 'steps.1.uses' contains the character U+001B, "
        "which a terminal would act on; remove it",
    ]


def test_what_is_left_without_the_problems_is_salvaged_with_each_step_in_its_place(write):
    text = (
        HEAD
        + "name: a\nname: b\ntraining: {batch_size: 0, decay: cosine}\nsteps:\n  - uses: a\n    wiht: 1\n  - uses: b\n"
    )
    with pytest.raises(InvalidRecipeError) as caught:
        load(write(text))
    salvaged = caught.value.salvaged
    assert (salvaged.name, salvaged.training.decay, [step.uses for step in salvaged.steps]) == (
        "a",
        "cosine",
        ["a", "b"],
    )
    assert salvaged.tree.find(("steps", 0)).plain() == {"uses": "a"}
    assert str(salvaged.tree.find(("steps", 1, "uses")).origin) == "recipe.yaml:10:11"


def test_nothing_is_salvaged_of_a_recipe_without_what_it_needs(write):
    with pytest.raises(InvalidRecipeError) as caught:
        load(write("version: 1\nname: a\n"))
    assert caught.value.salvaged is None


def test_an_invalid_recipe_can_be_sent_to_another_process(write):
    with pytest.raises(InvalidRecipeError) as caught:
        load(write(HEAD + "oops: 1\n"))
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.problems, again.salvaged) == (caught.value.problems, caught.value.salvaged)


def test_nineteen_thousand_unknown_keys_are_no_burden(refusal):
    assert len(errors(refusal(HEAD + "".join(f"key{i}: 1\n" for i in range(19_000))))) == 19_000


def test_problems_found_before_stay_where_there_is_no_recipe_at_all():
    with pytest.raises(RecipeError) as caught:
        validated(from_data([]), "x", [Problem("before; mend it")])
    assert str(caught.value) == (
        "error: before; mend it\nerror: the recipe is not a mapping of keys to values; start it with 'version: 1'"
    )


def test_a_field_goes_by_its_alias_alone():
    """Python's way around a keyword must not become a second spelling whose values nobody looks at."""
    assert validate_as_json(LayerTargets, from_data({"except": ["conv"]})).except_ == ["conv"]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        validate_as_json(LayerTargets, from_data({"except_": ["conv"]}))


def test_the_version_is_a_constant_of_the_json_schema():
    schema = Recipe.model_json_schema(by_alias=True)
    assert schema["properties"]["version"]["const"] == 1
