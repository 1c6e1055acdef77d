"""Whether a file fits a device, and what is told where it does not."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mnist_files import mnist_file
from small_litert_files import chain, litert_file, tensor

from compressor.contracts.device_profile import Device, DeviceProfile, OperatorKernels
from compressor.devices.fitting import fit
from compressor.devices.flash import decoder_work, flash_bytes
from compressor.devices.profile_files import device_in, shipped_files
from compressor.models.packing.package import pack


def device(name):
    return device_in(shipped_files()[name], shipped_files())


def texts(content, name):
    return [miss.text for miss in fit(content, device(name)).misses]


def made(**changes):
    """A device of one's own, with kernels for three operators in int8."""
    kernels = {name: OperatorKernels(types=["int8"]) for name in ("CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED")}
    profile = DeviceProfile.model_validate({"name": "mine", "runtime": "tflm", "operators": kernels} | changes)
    return Device(profile, profile.operators)


def test_an_int8_mnist_net_fits_a_cortex_m4():
    content = mnist_file()
    found = fit(content, device("cortex-m4-256k"))
    assert found.fits and found.misses == ()
    assert found.flash.needed == -(-len(content) // 16) * 16 + 16_000
    assert found.flash.margin == 256 * 1024 - found.flash.needed
    assert found.ram.margin == 64 * 1024 - found.ram.needed
    assert 26 * 26 * 12 < found.ram.needed < 26 * 26 * 12 + 13 * 13 * 12 + 3_000
    assert found.fallen_back == ()


def test_a_float_one_does_not_and_every_operator_is_named():
    assert texts(mnist_file("FLOAT32"), "cortex-m4-256k") == [
        "3 operators compute in float, which cortex-m4-256k does not run: CONV_2D in float32 at 'conv/Relu'; "
        "FULLY_CONNECTED in float32 at 'dense/Logits'; MAX_POOL_2D in float32 at 'pool/MaxPool'; quantize the model"
    ]


def test_one_of_300_kb_does_not_and_what_is_missing_is_told_in_bytes():
    content = mnist_file(filters=174)
    assert 300_000 < len(content) < 305_000
    found = fit(content, device("cortex-m4-256k"))
    over, ram = found.flash.needed - 262_144, found.ram.needed
    assert [miss.text for miss in found.misses] == [
        f"needs {found.flash.needed:,} bytes of flash, and cortex-m4-256k has 262,144: {over:,} bytes too many "
        f"({over / 262_144:.1%})",
        f"needs {ram:,} bytes of ram, and cortex-m4-256k has 65,536: {ram - 65_536:,} bytes too many "
        f"({(ram - 65_536) / 65_536:.1%})",
    ]
    assert fit(content, device("esp32-s3")).fits


def test_an_operator_that_no_kernel_is_for_is_told_by_its_name_and_its_layer():
    content = mnist_file(last="MY_OPERATOR")
    for name in ("edgetpu", "cortex-m4-256k"):
        assert texts(content, name) == [f"{name} has no kernel for MY_OPERATOR in int8 at 'dense/Logits'"]


def test_what_the_edge_tpu_does_not_have_is_left_to_the_cpu_and_counted():
    tensors = [tensor("x", (1, 8), scales=[0.5]), tensor("y", (1, 8), scales=[0.5])]
    found = fit(litert_file(tensors, [("COS", [0], [1])], [0], [1]), device("edgetpu"))
    assert not found.fits  # LiteRT has no COS in int8 either
    assert [miss.text for miss in found.misses] == [
        "edgetpu has no kernel for COS in int8 at 'y'; there are some for float32, float16"
    ]
    found = fit(litert_file(tensors, [("ABS", [0], [1])], [0], [1]), device("edgetpu"))
    assert found.fits
    assert [(group.name, group.types, group.outputs, group.share) for group in found.fallen_back] == [
        ("ABS", "int8", ("y",), 0.0)
    ]


def test_the_edge_tpu_runs_what_comes_before_the_first_gap_alone():
    tensors = [tensor(name, (1, 8), scales=[0.5]) for name in "abcdef"]
    calls = [("ABS", [0], [1]), ("RELU", [1], [2]), ("TANH", [2], [3]), ("ABS", [3], [4]), ("RELU", [4], [5])]
    found = fit(litert_file(tensors, calls, [0], [5]), device("edgetpu"))
    assert found.fits
    assert [(group.name, group.outputs) for group in found.fallen_back] == [("ABS", ("b", "e")), ("RELU", ("f",))]


def test_the_share_of_multiplications_that_falls_back_is_told():
    found = fit(mnist_file("FLOAT32"), device("esp32-s3"))
    assert found.fits
    convolution, dense = 26 * 26 * 12 * 9, 10 * 13 * 13 * 12
    shares = {group.name: group.share for group in found.fallen_back}
    assert shares["CONV_2D"] == pytest.approx(convolution / (convolution + dense))
    assert found.fallen_back_share == pytest.approx(1.0)


def test_a_version_that_is_too_late_and_types_that_are_not_there_are_told():
    kernels = {
        "CONV_2D": {"types": ["int8"], "last_version": 1},
        "MAX_POOL_2D": {"types": ["int16", "float32"]},
        "FULLY_CONNECTED": {},
    }
    content = chain()
    assert [miss.text for miss in fit(content, made(operators=kernels)).misses] == [
        "mine has no kernel for MAX_POOL_2D in int8 at 'pool'; there are some for int16, float32"
    ]
    from compressor.models.litert.format.flatbuffer import read_model, write_model

    model = read_model(content)
    model.operatorCodes[0].version = 3
    assert next(miss.text for miss in fit(write_model(model), made(operators=kernels)).misses) == (
        "mine has no kernel for CONV_2D in int8 at 'conv' version 3; there is one up to version 1"
    )


def test_inputs_and_outputs_of_another_type_are_told_by_name():
    endpoints = {"types": ["uint8"], "source": "a camera"}
    assert [miss.text for miss in fit(chain(), made(endpoints=endpoints)).misses] == [
        "the input 'image' is int8, the output 'logits' is int8, which mine does not take"
    ]


def test_a_package_must_be_one_that_devices_unpack_and_is_unpacked_into_ram():
    content = mnist_file()
    plain, xz = fit(content, device("cortex-m4-256k")), fit(pack(content, "xz"), device("cortex-m4-256k"))
    assert [miss.text for miss in fit(pack(content, "brotli"), device("cortex-m4-256k")).misses] == [
        "the package is made by the coder brotli, which the decoder for devices does not read; give 'pack' the "
        "parameter 'coder: device'"
    ]
    assert xz.fits
    assert xz.ram.needed == plain.ram.needed + -(-len(content) // 16) * 16 + decoder_work(pack(content, "xz"))
    assert xz.flash.needed == flash_bytes(pack(content, "xz")) + 16_000


def test_flash_is_the_array_of_firmware_up_to_16_bytes_and_for_a_package_the_decoder():
    content = chain()
    assert flash_bytes(content) == -(-len(content) // 16) * 16
    for coder, code in (("gzip", 2_436), ("xz", 2_592), ("mixed", 3_284), ("zstd", 0)):
        package = pack(content, coder)
        assert flash_bytes(package) == -(-len(package) // 16) * 16 + code


CONTENTS = [chain(), mnist_file(), mnist_file("FLOAT32"), pack(chain(), "xz"), pack(chain(), "brotli")]
TYPES = st.lists(st.sampled_from(["int8", "float32", "int16"]), max_size=3)
SIZES = st.one_of(st.none(), st.integers(1, 120_000))


@st.composite
def pairs(draw):
    """A device, and one that has nothing that the first one lacks."""
    loose, tight = {}, {}
    for key in ("flash", "ram"):
        sizes = sorted(draw(st.tuples(SIZES, SIZES)), key=lambda size: float("inf") if size is None else size)
        for facts, size in ((tight, sizes[0]), (loose, sizes[1])):
            if size is not None:
                facts[key] = {"bytes": size, "source": "drawn"}
    code = sorted(draw(st.tuples(st.integers(1, 40_000), st.integers(1, 40_000))))
    loose["runtime_code"], tight["runtime_code"] = ({"bytes": size, "source": "drawn"} for size in code)
    runs = sorted(draw(st.tuples(st.booleans(), st.booleans())))
    tight["float"], loose["float"] = ({"runs": each, "source": "drawn"} for each in runs)
    operators = {"tight": {}, "loose": {}}
    for name in ("CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED"):
        if not draw(st.booleans()) and not draw(st.booleans()):
            continue
        types, more = draw(TYPES), draw(TYPES)
        if draw(st.booleans()):
            operators["tight"][name] = {"types": types or ["int8"], "last_version": 1}
        operators["loose"][name] = {"types": [] if not more else [*(types or ["int8"]), *more]}
    tight["operators"], loose["operators"] = operators["tight"], operators["loose"]
    ends = draw(st.lists(st.sampled_from(["int8", "float32", "uint8"]), min_size=1))
    tight["endpoints"] = {"types": ends, "source": "drawn"}
    loose["endpoints"] = {"types": [*ends, *draw(st.lists(st.sampled_from(["int8", "float32"])))], "source": "drawn"}
    return made(**loose), made(**tight)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pairs(), st.sampled_from(CONTENTS))
def test_a_tighter_device_never_fits_a_file_that_a_looser_one_refuses(devices, content):
    loose, tight = devices
    assert fit(content, loose).fits or not fit(content, tight).fits
