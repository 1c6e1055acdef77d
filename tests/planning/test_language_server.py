"""What an editor with yaml-language-server shows in a recipe that names the schema."""

import shutil
import subprocess

import pytest
from yaml_language_server import LanguageServer

from compressor.recipe import shipped

HEAD = (
    "# yaml-language-server: $schema=recipe.schema.json\n"
    "version: 1\n"
    "model: {source: mnist_cnn, train: {epochs: 1}}\n"
    "data: {source: mnist}\n"
    "steps:\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The server, as npm installs it; this needs node, npm and its registry."""
    folder = tmp_path_factory.mktemp("editor")
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), "yaml-language-server@2.0.0"]
    subprocess.run(install, check=True, capture_output=True)
    shutil.copy(shipped.folder() / "recipe.schema.json", folder)
    server = LanguageServer(folder / "node_modules/yaml-language-server/bin/yaml-language-server", folder)
    yield server
    server.close()


@pytest.mark.long
def test_it_offers_strategies_and_the_parameters_and_choices_of_each(server, registry):
    server.open(f"{HEAD}  - uses: \n")
    assert server.completions(5, 10) == registry.names("strategy")
    server.open(f"{HEAD}  - uses: prune\n    with:\n      epochs: 1\n      \n")
    offered = server.completions(8, 6)
    assert {"final_sparsity", "layers", "except", "ramp"} <= set(offered)
    assert not {"precision", "flops"} & set(offered)  # of `ptq`, and of `prune_channels`, whose name begins alike
    server.open(f"{HEAD}  - uses: ptq\n    with:\n      precision: \n")
    assert server.completions(7, 17) == ["dynamic", "float16", "int16x8", "int2", "int4", "int8"]


@pytest.mark.long
def test_it_explains_strategies_and_parameters(server, registry):
    assert server.open(f"{HEAD}  - uses: prune\n    with:\n      final_sparsity: 0.5\n") == []
    assert registry.get("strategy", "prune").summary in server.hover(5, 11)
    assert "share of zeros at the end, in each layer or over all of them" in server.hover(7, 10)


@pytest.mark.long
def test_it_marks_what_is_wrong_where_it_stands(server):
    marks = server.open(f"{HEAD}  - uses: prune\n    with:\n      final_sparsty: 2\n  - uses: prun\nfoo: 1\n")
    places = {(mark["range"]["start"]["line"], mark["range"]["start"]["character"]) for mark in marks}
    assert places == {(7, 6), (8, 10), (9, 0)}
    assert "Property final_sparsty is not allowed." in {mark["message"] for mark in marks}


@pytest.mark.long
@pytest.mark.parametrize("name", shipped.names())
def test_it_finds_nothing_wrong_in_a_shipped_recipe(server, name):
    assert server.open((shipped.folder() / f"{name}.yaml").read_text()) == []
