import math
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from compressor.recipe import document, shipped
from compressor.recipe.document import dump, parse, read
from compressor.recipe.load import load
from compressor.recipe.problems import Problem, RecipeError, Source
from compressor.recipe.sections import Recipe
from compressor.recipe.tree import Node

TEXT = "version: 1\nmodel: {source: mnist_cnn}\ndata: {source: mnist}\nsteps:\n  - uses: ptq\n    wiht: {}\n"
SAID = "recipe.yaml:6:5: error: unknown key 'wiht'; did you mean 'with'?\n    6 |     wiht: {}\n      |     ^^^^"

LETTERS = st.characters(exclude_categories=["Cs"])
TOKENS = [*"[]{}:,-?&*!|>'\"%@`#~=<. \t\n\r\x85\u2028\\\ufeff\0\x1b", "a", "1", "é", "漢", "<<", "---", "...", ": "]
TOKENS += ["- ", "\n  ", "version: 1\n", "steps:\n", "&a ", "*a", "!!x "]
YAMLISH = st.lists(st.sampled_from(TOKENS)).map("".join)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(LETTERS) | YAMLISH,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(LETTERS) | YAMLISH, below, max_size=4),
    max_leaves=20,
)


def source(text):
    return Source("recipe.yaml", tuple(text.splitlines()), Path("/recipes"))


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("\n", "\r\n").encode("utf-8-sig"),
        TEXT.removesuffix("\n").encode(),
        TEXT.replace("\n", "\u2028").encode(),
    ],
    ids=["Unix", "byte order mark", "Windows", "old Mac", "Windows with a mark", "no last line end", "U+2028"],
)
def test_places_and_snippets_are_the_same_however_lines_end_and_with_a_byte_order_mark(refusal, content):
    assert refusal(content) == SAID


@pytest.mark.parametrize("name", [name for name in shipped.names() if not name.startswith("search_")])
def test_shipped_recipes_are_the_same_with_windows_line_ends(write, name):
    text = (shipped.folder() / f"{name}.yaml").read_text(encoding="utf-8")
    path = write(text.replace("\n", "\r\n").encode("utf-8-sig"), f"{name}.yaml")
    if "extends: baseline.yaml" in text:
        write((shipped.folder() / "baseline.yaml").read_text(encoding="utf-8"), "baseline.yaml")
    assert load(path) == load(name)


def test_relative_paths_start_at_the_folder_of_the_file_that_a_link_leads_to(here, write):
    path = write("a: 1", "real/recipe.yaml")
    link = here / "link.yaml"
    link.symlink_to(path.resolve())
    assert read(link).origin.source.folder == here.resolve() / "real"


def test_problems_that_leave_a_tree_are_raised_unless_somebody_takes_them():
    text = "a: 1\na: 2\n"
    with pytest.raises(RecipeError):
        parse(text, source(text))
    problems = []
    assert parse(text, source(text), problems).plain() == {"a": 1}
    assert [problem.message for problem in problems] == ["'a' is given twice (first on line 1); keep one"]


def test_the_parser_in_plain_python_reads_the_same(monkeypatch):
    texts = [(shipped.folder() / f"{name}.yaml").read_text(encoding="utf-8") for name in shipped.names()]
    trees = [parse(text, source(text)) for text in texts]
    monkeypatch.setattr(document, "_Loader", yaml.SafeLoader)
    for text, tree in zip(texts, trees, strict=True):
        again = parse(text, source(text))
        assert again == tree
        assert [node.origin for _, node in again.leaves()] == [node.origin for _, node in tree.leaves()]
    with pytest.raises(RecipeError) as caught:
        parse("a: [1\nb: 2", source("a: [1\nb: 2"))
    assert str(caught.value) == (
        "recipe.yaml:2:2: error: expected ',' or ']', but got ':'; fix the YAML here or just above\n"
        "    2 | b: 2\n"
        "      |  ^"
    )


@given(st.text() | YAMLISH)
def test_any_text_at_all_is_a_tree_or_a_recipe_error(text):
    try:
        tree = parse(text, source(text))
    except RecipeError as error:
        assert error.problems and all(isinstance(problem, Problem) for problem in error.problems)
        assert all(line.isprintable() for line in str(error).split("\n"))
    else:
        assert isinstance(tree, Node)


@given(st.binary() | (st.text() | YAMLISH).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_in_a_file_are_a_recipe_or_a_recipe_error(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.yaml"
        path.write_bytes(content)
        try:
            assert isinstance(load(path), Recipe)
        except RecipeError as error:
            assert all(line.isprintable() for line in str(error).split("\n"))


@given(YAMLISH)
def test_a_plain_value_stands_where_its_tree_says_it_does(text):
    try:
        tree = parse(text, source(text))
    except RecipeError:
        return
    for _, node in tree.leaves():
        if isinstance(node.value, str) and node.value.isalnum():
            line = text.splitlines()[node.origin.line - 1]
            written = line[node.origin.column - 1 :]
            assert written.startswith(node.value) or written[0] in "'\"&*|>"


@given(st.dictionaries(st.text(LETTERS) | YAMLISH, PLAIN))
def test_what_is_dumped_is_parsed_as_the_same(data):
    text = dump(data)
    assert parse(text, source(text)).plain() == data


@pytest.mark.parametrize(
    "value",
    [
        *(
            "1e-3",
            "0o17",
            "0x1F",
            "1.",
            ".5",
            "+1",
            "yes",
            "no",
            "on",
            "null",
            "~",
            "",
            " ",
            "true",
            ".inf",
            "2020-01-01",
        ),
        *(
            "<<",
            "=",
            "*a",
            "&a",
            "!x",
            "%x",
            "@x",
            "- a",
            "a: b",
            "a #b",
            "---",
            "...",
            "\n",
            "a\nb\n",
            "\ttab",
            "漢字",
        ),
        *("\x1b[31m", "\x85", "\u2028", "\ufeff", "x" * 300, "word " * 60, "a\\b", "'", '"', "block_*/conv*"),
    ],
)
def test_text_is_dumped_so_that_it_is_text_again(value):
    text = dump({value: [value]})
    assert parse(text, source(text)).plain() == {value: [value]}


def test_a_dump_keeps_the_order_and_reads_well():
    assert dump({"version": 1, "name": "größe", "steps": [{"uses": "ptq", "with": {"ratio": 1e-3}}]}) == (
        "version: 1\nname: größe\nsteps:\n- uses: ptq\n  with:\n    ratio: 0.001\n"
    )


def test_what_is_not_finite_survives_a_dump():
    text = dump({"a": math.inf, "b": -math.inf, "c": math.nan})
    assert text == "a: .inf\nb: -.inf\nc: .nan\n"
    plain = parse(text, source(text)).plain()
    assert (plain["a"], plain["b"]) == (math.inf, -math.inf)
    assert math.isnan(plain["c"])
