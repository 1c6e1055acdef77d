"""`compressor fit`: what a file needs beside what a device has, and the exit code."""

import json

import pytest
from mnist_files import mnist_file

from compressor.devices import npu
from compressor.devices.profile_files import shipped_files
from compressor.models.packing.package import pack
from compressor.planning.device_targets import profile_files

ALL = "android-xnnpack, cortex-m4-256k, edgetpu, esp32-s3, ethos-u55-128, web, x86-xnnpack"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(mnist_file())
    return path


def test_a_file_that_fits_is_shown_with_what_is_left(call, model):
    assert call("fit", model, "--target", "cortex-m4-256k") == (
        0,
        "cortex-m4-256k: fits\n"
        "         needs       has      left   share\n"
        "──────────────────────────────────────────\n"
        "flash   37,920   262,144   224,224   85.5%\n"
        "RAM     11,008    65,536    54,528   83.2%\n"
        "\n",
        "",
    )


def test_one_that_does_not_is_told_why_and_what_falls_back(call, tmp_path):
    path = tmp_path / "float.tflite"
    path.write_bytes(mnist_file("FLOAT32"))
    code, out, err = call("fit", path, "--target", "cortex-m4-256k", "--target", "esp32-s3")
    assert (code, err) == (3, "")
    assert "cortex-m4-256k: does not fit\n" in out and "esp32-s3: fits\n" in out
    assert " ".join(out.split()).endswith(
        "left to reference kernels or the CPU: 1 CONV_2D in float32, 1 FULLY_CONNECTED in float32, 1 MAX_POOL_2D in "
        "float32 (3 operators, 100.0% of the MACs)"
    )


def test_json_has_every_figure(call, model):
    code, out, _ = call("fit", model, "--target", "edgetpu", "--target", "web", "--json")
    first, second = json.loads(out)
    assert code == 0
    assert first == {
        "name": "edgetpu", "fits": True, "flash_bytes": 21_920, "flash_limit": None, "ram_bytes": None,
        "ram_limit": None, "misses": [], "notes": [], "without_kernel": [], "in_float": [], "fallback": [], "npu": None,
    }  # fmt: skip
    assert (second["name"], second["fallback"]) == ("web", [])


def test_a_folder_of_a_run_stands_for_what_it_ships(call, model):
    package = pack(model.read_bytes(), "xz")
    (model.parent / "model.tfpack").write_bytes(package)
    code, out, _ = call("fit", model.parent, "--target", "cortex-m4-256k", "--json")
    assert (code, json.loads(out)[0]["flash_bytes"]) == (0, -(-len(package) // 16) * 16 + 2_592 + 16_000)


def test_vela_s_figures_stand_beside_those_of_an_ethos_u(call, model):
    code, out, _ = call("fit", model, "--target", "ethos-u55-128", "--json")
    figures = json.loads(out)[0]["npu"]
    assert (code, figures["accelerator"]) == (0, "ethos-u55-128")
    assert figures["cycles"] > 10_000 and figures["sram_bytes"] > 8_000


def test_without_vela_it_is_said_how_to_get_it(call, model, monkeypatch):
    monkeypatch.setattr(npu, "find_spec", lambda name: None)
    code, out, _ = call("fit", model, "--target", "ethos-u55-128")
    assert (code, out.splitlines()[-2]) == (
        0, " vela says nothing: it is not installed (pip install ethos-u-vela)",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (
            ["{model}", "--target", "cortex-m4"],
            2,
            "Error: there is no device 'cortex-m4'; did you mean 'cortex-m4-256k'?\n",
        ),
        (["{model}", "--target", "z80"], 2, f"Error: there is no device 'z80'; known: {ALL}\n"),
        (["{model}"], 2, f"Error: give a --target; the devices are {ALL}\n"),
        ([], 2, "Error: name a file to hold against a device, or give --list\n"),
        (["nowhere.tflite", "--target", "web"], 1, "error: there is no file nowhere.tflite; check the path\n"),
        (
            [__file__, "--target", "web"],
            1,
            f"error: {__file__} is neither a .tflite file nor a package; give a model file that a run wrote\n",
        ),
        (["{folder}", "--target", "web"], 1, "is no folder of a run that is done; give one that holds model.tflite\n"),
        (["{model}", "--target", "./none.yaml"], 1, "none.yaml: no such file; check the path, or list the folder"),
    ],
)
def test_what_cannot_be_held_against_a_device_is_refused(call, model, arguments, code, told):
    (model.parent / "empty").mkdir()
    given = [argument.format(model=model, folder=model.parent / "empty") for argument in arguments]
    found, out, err = call("fit", *given)
    assert (found, out) == (code, "")
    assert told in err


def test_a_damaged_file_is_refused(call, model):
    model.write_bytes(mnist_file()[:400])
    code, out, err = call("fit", model, "--target", "web")
    assert (code, out) == (1, "")
    assert err.startswith("error: the LiteRT file is damaged (")


def test_a_profile_of_one_s_own_is_checked_as_a_recipe_is(call, model):
    path = model.parent / "board.yaml"
    path.write_text("extends: cortex-m4-256k\nflash: {bytes: 32 KiB}\n")
    code, _, err = call("fit", model, "--target", path)
    assert code == 1
    assert err == (
        f"{path}:2:1: error: 'source' is missing in 'flash'; add it\n    2 | flash: {{bytes: 32 KiB}}\n      | ^^^^^\n"
    )
    path.write_text("extends: cortex-m4-256k\nflash: {bytes: 32 KiB, source: mine}\n")
    code, out, _ = call("fit", model, "--target", path)
    assert code == 3
    assert "✗ needs 37,920 bytes of flash, and board has 32,768: 5,152 bytes too many" in " ".join(out.split())


def test_all_devices_are_listed_with_their_figures_and_sources(call):
    code, out, _ = call("fit", "--list", "--target", "esp32-s3")
    told = " ".join(out.split())
    assert code == 0
    assert told.startswith("esp32-s3 An ESP32-S3 without external memory, with one app in its flash, and ESP-NN")
    assert (
        "flash: 1,048,576 bytes (1.0 MB) ESP-IDF, components/partition_table/partitions_singleapp.csv (1ca82de6): the "
        "partition 'factory' has 1M"
    ) in told
    code, out, _ = call("fit", "--list", "--json")
    devices = json.loads(out)
    assert [device["name"] for device in devices] == list(shipped_files())
    assert all(device["sources"] and device["operators"] for device in devices)


def test_a_plugin_brings_devices_by_a_hook(call, model, tmp_path):
    (tmp_path / "my-board.yaml").write_text("extends: esp32-s3\ndescription: mine\n")
    plugin = tmp_path / "boards.py"
    plugin.write_text(
        "from pathlib import Path\nimport compressor\n\n"
        "@compressor.hookimpl\ndef devices():\n    return [Path(__file__).parent / 'my-board.yaml']\n"
    )
    code, out, err = call("fit", model, "--target", "my-board", "--plugin", plugin)
    assert (code, err) == (0, "")
    assert out.startswith("my-board: fits\n")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise ValueError('no')", "failed with ValueError: no"),
        ("return 'my-board.yaml'", "returned something else than paths; return a list of paths of YAML files"),
    ],
)
def test_a_hook_that_fails_is_told_with_its_plugin(call, model, tmp_path, body, told):
    plugin = tmp_path / "boards.py"
    plugin.write_text(f"import compressor\n\n@compressor.hookimpl\ndef devices():\n    {body}\n")
    code, _, err = call("fit", model, "--target", "web", "--plugin", plugin)
    assert code == 1
    assert "the hook 'devices' of" in err and told in err


def test_the_tool_s_own_devices_have_precedence(registry):
    assert profile_files(registry) == shipped_files()
