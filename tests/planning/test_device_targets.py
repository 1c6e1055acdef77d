"""A recipe's target: what is known not to fit is refused before anything runs."""

import pytest

from compressor.planning.planner import check, prepare
from compressor.recipe.problems import RecipeError

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"


def problem(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(HEAD + text)
    with pytest.raises(RecipeError) as caught:
        check(path)
    with pytest.raises(RecipeError) as again:
        prepare(path)
    assert str(again.value) == str(caught.value)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_a_target_that_there_is_not_is_told_with_the_nearest_name(tmp_path):
    assert problem(tmp_path, "target: cortex-m4-256\nsteps: [{uses: ptq}]\n") == (
        "recipe.yaml:4:9: error: there is no device 'cortex-m4-256'; did you mean 'cortex-m4-256k'?\n"
        "    4 | target: cortex-m4-256\n"
        "      |         ^^^^^^^^^^^^^"
    )


def test_a_chain_that_ends_in_float_is_refused_for_a_device_that_runs_none(tmp_path):
    assert problem(tmp_path, "target: cortex-m4-256k\nsteps: [{uses: prune}]\n") == (
        "recipe.yaml:4:9: error: the last stage computes in float, which 'cortex-m4-256k' does not run; add 'ptq' with "
        "'precision: int8' to the steps, or take another target\n"
        "    4 | target: cortex-m4-256k\n"
        "      |         ^^^^^^^^^^^^^^"
    )


@pytest.mark.parametrize(
    ("parameters", "column", "value", "key"),
    [
        ("precision: float16", 39, "float16", "precision"),
        ("precision: dynamic", 39, "dynamic", "precision"),
        ("activations: float32", 41, "float32", "activations"),
    ],
)
def test_a_precision_that_computes_in_float_is_refused_as_well(tmp_path, parameters, column, value, key):
    told = problem(tmp_path, f"target: edgetpu\nsteps: [{{uses: ptq, with: {{{parameters}}}}}]\n")
    what = f"'{value}' computes in float, which 'edgetpu' does not run; write '{key}: int8'"
    assert told.startswith(f"recipe.yaml:5:{column}: error: {what}\n")


@pytest.mark.parametrize(
    "steps", ["[{uses: ptq}]", "[{uses: qat}]", "[{uses: ptq}, {uses: pack, with: {coder: device}}]"]
)
def test_a_chain_in_int8_is_planned_with_its_device(tmp_path, steps):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"{HEAD}target: cortex-m4-256k\nsteps: {steps}\n")
    assert check(path) == ()
    assert prepare(path).device.name == "cortex-m4-256k"


def test_a_package_that_the_device_may_not_unpack_is_refused(tmp_path):
    assert problem(
        tmp_path, "target: esp32-s3\nsteps:\n  - uses: ptq\n  - uses: pack\n    with: {coder: brotli}\n"
    ) == (
        "recipe.yaml:8:19: error: 'esp32-s3' may not be able to unpack what the coder 'brotli' packs; write 'coder: "
        "device'\n"
        "    8 |     with: {coder: brotli}\n"
        "      |                   ^^^^^^"
    )


def test_a_profile_of_one_s_own_is_found_beside_the_recipe_and_its_mistakes_are_told(tmp_path):
    (tmp_path / "board.yaml").write_text("extends: esp32-s3\nflush: {bytes: 1 MB}\n")
    told = problem(tmp_path, "target: ./board.yaml\nsteps: [{uses: ptq}]\n")
    assert told.startswith("board.yaml:2:1: error: unknown key 'flush'; did you mean 'flash'?\n")
    (tmp_path / "board.yaml").write_text("extends: esp32-s3\n")
    device = prepare(tmp_path / "recipe.yaml").device
    assert (device.name, device.profile.flash.bytes) == ("board", 2**20)


def test_a_layer_that_no_kernel_is_for_is_refused_by_its_name(tmp_path, monkeypatch):
    from compressor.planning import device_targets

    monkeypatch.setattr(device_targets, "stored_layers", lambda path: [("conv", "Conv2D"), ("voxels", "Conv3D")])
    (tmp_path / "model.keras").touch()
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "version: 1\nmodel: {source: ./model.keras}\ndata: {source: mnist}\ntarget: esp32-s3\nsteps: [{uses: ptq}]\n"
    )
    with pytest.raises(RecipeError) as caught:
        check(path)
    assert "the layer 'voxels' (Conv3D) needs CONV_3D, for which 'esp32-s3' has no kernel; replace the layer" in str(
        caught.value
    )


def test_a_target_is_a_limit_for_strict_checks(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(HEAD + "steps: [{uses: ptq}]\n")
    with pytest.raises(RecipeError, match="has no constraints"):
        check(path, strict=True)
    path.write_text(HEAD + "target: esp32-s3\nsteps: [{uses: ptq}]\n")
    assert check(path, strict=True) == ()
