"""Profiles of devices: those that ship say where each figure is from, and mistakes in others are told by place."""

import pytest

from compressor.contracts.device_profile import DeviceProfile
from compressor.devices.profile_files import ProfileError, device_in, kernel_lists, shipped_files

NAMES = ["android-xnnpack", "cortex-m4-256k", "edgetpu", "esp32-s3", "ethos-u55-128", "web", "x86-xnnpack"]


def problems_of(path):
    with pytest.raises(ProfileError) as caught:
        device_in(path, shipped_files())
    return str(caught.value).replace(f"{path.parent}/", "")


def test_these_profiles_and_lists_of_kernels_ship():
    assert list(shipped_files()) == NAMES
    assert kernel_lists() == ["cmsis-nn", "edgetpu", "esp-nn", "ethos-u55", "litert", "tflm", "xnnpack"]


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_has_its_file_s_name_kernels_and_a_source_of_each_figure(name):
    device = device_in(shipped_files()[name], shipped_files())
    assert device.name == name and device.profile.description
    assert len(device.kernels) >= 8 and device.fallback is not None and len(device.fallback) >= 100
    figures = {"flash", "ram", "runtime_code", "alignment", "float_", "endpoints"}
    set_ = {key for key in figures if getattr(device.profile, key) is not None}
    told = {key.replace("_", " ").strip() for key in set_} | {"kernels", "fallback"}
    assert set(device.sources) == told
    assert all(len(source) > 30 for source in device.sources.values())


def test_a_cortex_m4_has_what_its_device_tree_says():
    device = device_in(shipped_files()["cortex-m4-256k"], shipped_files())
    profile = device.profile
    assert (profile.flash.bytes, profile.ram.bytes, profile.alignment.bytes) == (256 * 1024, 64 * 1024, 16)
    assert not device.float_runs
    assert device.kernels["CONV_2D"].types == ["int8", "int8 x int4", "int16 x int8"]
    assert device.fallback["SHAPE"].types[0] == "float32 -> int32"


def test_every_operator_that_firmware_can_register_is_in_the_list_of_its_runtime():
    from compressor.models.litert.format.operators import _names
    from compressor.models.micro.operator_methods import _METHODS, _squeezed

    fallback = device_in(shipped_files()["esp32-s3"], shipped_files()).fallback
    names = {name for name in _names().values() if _squeezed(name) in _METHODS}
    assert len(names) > 90
    assert sorted(names - set(fallback)) == []


def test_mistakes_in_a_profile_are_told_all_at_once_with_their_places(tmp_path):
    path = tmp_path / "board.yaml"
    path.write_text(
        "runtime: tfml\n"
        "flash: {bytes: 256 KB2, source: datasheet}\n"
        "ram: {bytes: 64 KiB}\n"
        "kernel: tflm\n"
        "float: {runs: sometimes, source: datasheet}\n"
        "operators: {ADD: {types: int8}}\n"
    )
    assert problems_of(path) == (
        "board.yaml:1:10: error: 'runtime' cannot be the text 'tfml'; did you mean 'tflm'?\n"
        "    1 | runtime: tfml\n"
        "      |          ^^^^\n"
        "board.yaml:2:16: error: 'flash.bytes': '256 KB2' is not a size; write bytes, or a number with kB, MB, GB, "
        "KiB, MiB or GiB\n"
        "    2 | flash: {bytes: 256 KB2, source: datasheet}\n"
        "      |                ^^^^^^^\n"
        "board.yaml:3:1: error: 'source' is missing in 'ram'; add it\n"
        "    3 | ram: {bytes: 64 KiB}\n"
        "      | ^^^\n"
        "board.yaml:4:1: error: unknown key 'kernel'; did you mean 'kernels'?\n"
        "    4 | kernel: tflm\n"
        "      | ^^^^^^\n"
        "board.yaml:5:15: error: 'float.runs' takes true or false, not the text 'sometimes'\n"
        "    5 | float: {runs: sometimes, source: datasheet}\n"
        "      |               ^^^^^^^^^\n"
        "board.yaml:6:26: error: 'operators.ADD.types' takes a list, not the text 'int8'\n"
        "    6 | operators: {ADD: {types: int8}}\n"
        "      |                          ^^^^"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- tflm\n", "a profile is a mapping of keys to values; start it with 'runtime: tflm'"),
        (
            "runtime: tflm\n",
            "the profile says nothing of operators; add 'kernels', such as 'kernels: tflm', or 'operators'",
        ),
        ("runtime: tflm\nkernels: tfml\n", "there is no list of kernels 'tfml'; did you mean 'tflm'?"),
        (
            "runtime: litert\nkernels: litert\nram: {bytes: 1, source: x}\n",
            "'ram' holds the arena of the runtime 'tflm', and nothing is known of another one's; remove it",
        ),
        (
            "runtime: tflm\nkernels: tflm\naccelerator: ethos-u55-129\n",
            "there is no accelerator 'ethos-u55-129'; did you mean 'ethos-u55-128'?",
        ),
        (
            "runtime: tflm\noperators: {ADD: {types: [int8, int16 x int9]}}\n",
            "board.yaml:2:33: error: there is no type 'int9'; did you mean 'int8'?",
        ),
        ("extends: cortex-m4-256\n", "there is no device 'cortex-m4-256'; did you mean 'cortex-m4-256k'?"),
        ("extends: 7\n", "'extends' takes the name or the path of a profile"),
        ("extends: ./board.yaml\n", "the profiles extend one another in a circle; remove one 'extends'"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(tmp_path, text, told):
    path = tmp_path / "board.yaml"
    path.write_text(text)
    assert told in problems_of(path)


def test_a_profile_takes_from_another_what_it_does_not_say_itself(tmp_path):
    path = tmp_path / "my-board.yaml"
    path.write_text(
        "extends: cortex-m4-256k\n"
        "flash: {bytes: 1 MiB, source: the board's datasheet}\n"
        "float: {runs: true, source: it has an FPU}\n"
        "operators: {MY_OPERATOR: {types: [int8], last_version: 2}}\n"
    )
    mine, its = device_in(path, shipped_files()), device_in(shipped_files()["cortex-m4-256k"], {})
    assert (mine.name, mine.profile.flash.bytes, mine.float_runs) == ("my-board", 2**20, True)
    assert mine.profile.ram == its.profile.ram and mine.fallback == its.fallback
    assert set(mine.kernels) - set(its.kernels) == {"MY_OPERATOR"}
    assert mine.sources["flash"] == "the board's datasheet"


def test_every_key_of_a_profile_says_what_it_means():
    assert all(field.description for field in DeviceProfile.model_fields.values())
