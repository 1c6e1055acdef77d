"""`compressor export`: files that firmware is built from, and that a compiler takes."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from small_litert_files import chain, litert_file, sparse_chain, tensor

from compressor.base.errors import ModelError
from compressor.models.micro.arena import plan_arena
from compressor.models.micro.ethos_u import compiled
from compressor.models.packing.package import pack

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
MADE_BY = "give a model file that a run wrote, or that `compressor convert` made"
HEADERS = Path(__file__).parent.parent / "tflm_headers"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(chain())
    return path


@pytest.fixture
def kit(tmp_path):
    return tmp_path / "firmware"


def printed_by(kit, source, *sources, standard="-std=c11"):
    (kit / "main.c").write_text(source)
    compiled = ["main.c", *sources]
    subprocess.run(["cc", standard, *WARNINGS, *compiled, "-o", "main"], cwd=kit, check=True, timeout=60)
    return subprocess.run([kit / "main"], check=True, capture_output=True, timeout=60).stdout


def test_c_gets_the_bytes_and_what_inputs_and_outputs_mean(call, model, kit):
    arena = plan_arena(model.read_bytes()).bytes
    assert call("export", model, "--to", "c", "--output", kit) == (
        0,
        f"{kit}: 3 files\n"
        f"  flash   {model.stat().st_size / 1000:.1f} kB for model\n"
        f"  memory  {arena * 1.1 / 1000:.1f} kB for the tensor arena, with a margin\n",
        "",
    )
    assert sorted(path.name for path in kit.iterdir()) == ["README.md", "model.c", "model.h"]
    header = (kit / "model.h").read_text()
    expected = """\
/* input 0: image, int8, 1x8x8x1
 * value = SCALE * (stored number - ZERO_POINT) */
#define MODEL_INPUT_0_SCALE 0.5f
#define MODEL_INPUT_0_ZERO_POINT (0)
#define MODEL_INPUT_0_ELEMENTS 64
#define MODEL_INPUT_0_BYTES 64
"""
    assert expected in header
    source = (
        '#include <stdio.h>\n#include "model.h"\nint main(void) { fwrite(model, 1, model_len, stdout); return 0; }\n'
    )
    assert printed_by(kit, source, "model.c") == model.read_bytes()


def test_tflm_registers_the_operators_of_the_model(call, model, kit):
    code, out, _ = call("export", model, "--to", "tflm", "--output", kit, "--name", "my-net")
    assert code == 0
    assert out.splitlines()[-1] == "  3 operators: Conv2D, FullyConnected, MaxPool2D"
    assert sorted(path.name for path in kit.iterdir()) == [
        "README.md", "my_net.cc", "my_net.h", "my_net_runner.cc", "my_net_runner.h",
    ]  # fmt: skip
    runner = (kit / "my_net_runner.cc").read_text()
    assert re.findall(r"resolver\.(\w+)\(\)", runner) == ["AddConv2D", "AddFullyConnected", "AddMaxPool2D"]
    assert "MicroMutableOpResolver<3>" in runner
    assert "@" not in runner
    subprocess.run(["c++", "-std=c++17", *WARNINGS, "-fsyntax-only", kit / "my_net.cc"], check=True, timeout=60)


def test_arduino_gets_a_sketch_that_is_named_after_its_folder(call, model, kit):
    assert call("export", model, "--to", "arduino", "--output", kit)[0] == 0
    assert {"firmware.ino", "model.cpp", "model_runner.cpp"} <= {path.name for path in kit.iterdir()}
    assert '#include "model_runner.h"' in (kit / "firmware.ino").read_text()


def test_arduino_is_given_no_folder_that_it_cannot_open(call, model, tmp_path):
    folder = tmp_path / "my sketch"
    text = (
        "error: Arduino has no sketch 'my sketch', as the folder is named; use at most 63 letters, digits, '_', "
        "'.' and '-', with no '.' or '-' at its ends\n"
    )
    assert call("export", model, "--to", "arduino", "--output", folder) == (1, "", text)
    assert call("export", model, "--to", "tflm", "--output", folder)[0] == 0


def test_a_package_comes_with_its_decoder(call, tmp_path, kit):
    content, packed = chain(), pack(chain(), "device")
    (tmp_path / "model.tfpack").write_bytes(packed)
    assert call("export", tmp_path / "model.tfpack", "--to", "c", "--output", kit)[0] == 0
    assert f"#define MODEL_UNPACKED_SIZE {len(content)}\n" in (kit / "model.h").read_text()
    source = """
#include <stdio.h>
#include "model.h"
#include "tfpack.h"
static uint8_t file[MODEL_UNPACKED_SIZE];
static uint16_t work[TFPACK_WORK / 2];
int main(void) {
  tfpack package;
  if (tfpack_open_memory(&package, model, model_len) != TFPACK_OK) return 1;
  if (tfpack_unpack(&package, file, sizeof file, work, sizeof work) != TFPACK_OK) return 2;
  fwrite(file, 1, sizeof file, stdout);
  return 0;
}
"""
    assert printed_by(kit, source, "model.c", "tfpack.c") == content


def test_what_cannot_be_exported_is_told(call, model, tmp_path, kit):
    def error(file, target):
        code, out, err = call("export", file, "--to", target, "--output", kit)
        assert (code, out, kit.exists()) == (1, "", False)
        return err

    gone = tmp_path / "gone.tflite"
    assert error(gone, "c") == f"error: there is no file {gone}; check the path\n"
    other = tmp_path / "model.h5"
    other.write_bytes(b"\x89HDF\r\n\x1a\n")
    text = f"error: {other} is neither a .tflite file nor a package; {MADE_BY}\n"
    assert (
        error(tmp_path, "c")
        == f"error: {tmp_path} is a folder; name a model file, such as {tmp_path / 'model.tflite'}\n"
    )
    assert error(other, "tflm") == text
    package = tmp_path / "model.tfpack"
    package.write_bytes(pack(chain(), "brotli"))
    text = (
        "error: the package is made by the coder brotli, which the decoder in C does not read; "
        "give 'pack' the parameter 'coder: device'\n"
    )
    assert error(package, "c") == text
    text = (
        "error: a package cannot be exported with --to arduino, since it must be unpacked before it runs; "
        "export it with --to c, or the .tflite file that `compressor unpack` writes\n"
    )
    assert error(package, "arduino") == text
    unknown = tmp_path / "unknown.tflite"
    unknown.write_bytes(litert_file([tensor("x", (1, 4)), tensor("y", (1, 4))], [("GELU", [0], [1])], [0], [1]))
    text = (
        "error: LiteRT for Microcontrollers has no kernel for GELU; "
        "change the model, or export it with --to c for another runtime\n"
    )
    assert error(unknown, "tflm") == text


def test_files_that_are_there_are_not_replaced_unless_that_is_wanted(call, model, kit):
    kit.mkdir()
    (kit / "model.h").write_text("mine")
    text = f"error: {kit / 'model.h'} exists already; choose another name, or pass --force to replace it\n"
    assert call("export", model, "--to", "c", "--output", kit) == (1, "", text)
    assert [path.name for path in kit.iterdir()] == ["model.h"]
    assert call("export", model, "--to", "c", "--output", kit, "--force")[0] == 0


def test_names_from_a_file_cannot_end_a_comment(call, tmp_path, kit):
    name = "*/ #include <evil.h> \\\n??/"
    path = tmp_path / "model.tflite"
    path.write_bytes(litert_file([tensor(name, (1, 4)), tensor("y", (1, 4))], [("RELU", [0], [1])], [0], [1]))
    assert call("export", path, "--to", "c", "--output", kit)[0] == 0
    assert "/* input 0: _/ _include <evil.h> ____/, int8, 1x4\n" in (kit / "model.h").read_text()
    assert shutil.which("cc")
    printed_by(kit, '#include "model.h"\nint main(void) { return 0; }\n', "model.c")


NAMES = [
    "decltype",
    "tflite",
    "std",
    "arena",
    "interpreter",
    "resolver",
    "added",
    "result",
    "7 nets",
    "my-net",
    "MODEL",
]


@pytest.mark.parametrize("name", NAMES)
def test_code_compiles_by_any_name(call, model, kit, name):
    assert call("export", model, "--to", "tflm", "--output", kit, "--name", name)[0] == 0
    sources = sorted(path.name for path in kit.glob("*.cc"))
    assert len(sources) == 2
    command = ["c++", "-std=c++17", *WARNINGS, f"-I{HEADERS}", "-fsyntax-only", *sources]
    subprocess.run(command, cwd=kit, check=True, timeout=60)


def test_a_package_by_the_name_of_its_decoder_does_not_replace_that(call, tmp_path, kit):
    package = tmp_path / "model.tfpack"
    package.write_bytes(pack(chain(), "device"))
    assert call("export", package, "--to", "c", "--output", kit, "--name", "tfpack")[0] == 0
    assert sorted(path.name for path in kit.iterdir()) == [
        "README.md",
        "_tfpack.c",
        "_tfpack.h",
        "tfpack.c",
        "tfpack.h",
    ]


def test_options_that_mean_nothing_are_refused(call, model, kit):
    for arguments, text in (
        (
            ("--to", "c", "--accelerator", "ethos-u55-128"),
            "--accelerator is for --to ethos-u; leave it out with --to c.",
        ),
        (("--to", "arduino", "--decode"), "--decode is for --to tflm; leave it out with --to arduino."),
        (("--to", "c", "--name", "-"), "--name needs a letter or a digit."),
    ):
        code, _, err = call("export", model, *arguments, "--output", kit)
        assert (code, err.splitlines()[-1]) == (2, f"Error: {text}")
    assert not kit.exists()


def test_what_an_earlier_export_left_is_named(call, model, kit):
    assert call("export", model, "--to", "c", "--output", kit)[2] == ""
    (kit / "model_self_test.cc").write_text("of another model")
    (kit / "main.c").write_text("mine")
    told = f"{kit} also holds model.c, model_self_test.cc of an earlier export; remove what the build is not to take\n"
    code, _, err = call("export", model, "--to", "tflm", "--output", kit, "--force")
    assert (code, err) == (0, told)
    assert (kit / "model.c").exists()


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (tensor("x", (1, 4), scales=[float("inf")]), "the input 'x' has the scale inf; make the file again"),
        (
            tensor("x", (1, 4), "STRING"),
            "'x' holds values of the type text, which firmware has no array for; "
            "change what the model takes and gives to numbers",
        ),
    ],
)
def test_inputs_that_c_cannot_hold_are_refused(call, tmp_path, kit, end, text):
    path = tmp_path / "m.tflite"
    path.write_bytes(litert_file([end, tensor("y", (1, 4))], [("RELU", [0], [1])], [0], [1]))
    assert call("export", path, "--to", "c", "--output", kit) == (1, "", f"error: {text}\n")
    assert not kit.exists()


def test_a_sample_of_the_data_becomes_a_self_test(call, tmp_path, kit):
    path = tmp_path / "model.tflite"
    path.write_bytes(chain())
    images = np.linspace(-60, 60, 64, dtype=np.float32).reshape(1, 8, 8, 1)
    many, zeros = np.repeat(images, 20, axis=0), np.zeros(20, np.int64)
    np.savez(tmp_path / "d.npz", x_train=many, x_test=images, y_train=zeros, y_test=zeros[:1])
    assert call("export", path, "--to", "tflm", "--output", kit, "--data", tmp_path / "d.npz")[0] == 0
    vector = (kit / "model_vector.h").read_text()
    first = re.search(r"model_input_0\[64\] = \{\n  ((?:0x.., ?)+)", vector)[1]
    stored = np.clip(np.round(images.reshape(-1) / np.float32(0.5)), -128, 127).astype(np.int8)
    assert bytes.fromhex(first.replace("0x", "").replace(",", "")) == stored[:12].tobytes()
    assert "model_output_0[3] = {" in vector
    test = (kit / "model_self_test.cc").read_text()
    assert "memcpy(interpreter->input(0)->data.raw, model_input_0, sizeof(model_input_0));" in test
    near = "Near<std::int8_t>(interpreter->output(0)->data.raw, model_output_0, sizeof(model_output_0), "
    assert f"if (!{near}MODEL_OUTPUT_0_ALLOWED)) return 1;" in test
    assert "#define MODEL_OUTPUT_0_ALLOWED 4.0f\n" in vector
    source = '#include <stdio.h>\n#include "model_vector.h"\n#define UNUSED (void)model_output_0\n'
    source += "int main(void) { UNUSED; fwrite(model_input_0, 1, sizeof model_input_0, stdout); return 0; }\n"
    assert printed_by(kit, source) == stored.tobytes()


def test_the_code_for_tflm_compiles_and_tells_whether_outputs_are_right(call, tmp_path, kit):
    """Against declarations of what it uses, whose interpreter gives back its input."""
    x = np.arange(-32, 32, dtype=np.float32).reshape(1, 64)
    told = {
        "the same": (10 + x.clip(0), "passed, off by 0 % of what is allowed"),
        "near": (x.clip(-3), "passed, off by 75 % of what is allowed"),
        "too far": (x.clip(-5), "FAILED, off by 125 % of what is allowed"),
    }
    for relu, said in told.values():
        tensors = [tensor("x", (1, 64), scales=[1.0]), tensor("y", (1, 64), scales=[1.0])]
        (tmp_path / "m.tflite").write_bytes(litert_file(tensors, [("RELU", [0], [1])], [0], [1]))
        np.savez(tmp_path / "d.npz", x_train=relu.repeat(20, 0), x_test=relu, y_train=np.zeros(20, int), y_test=[0])
        made = call(
            "export", tmp_path / "m.tflite", "--to", "tflm", "--output", kit, "--data", tmp_path / "d.npz", "--force"
        )
        assert made[0] == 0
        sources = sorted(path.name for path in kit.glob("*.cc"))
        assert sources == ["model.cc", "model_main.cc", "model_runner.cc", "model_self_test.cc"]
        command = ["c++", "-std=c++17", *WARNINGS, f"-I{HEADERS}", *sources, "-o", "main"]
        subprocess.run(command, cwd=kit, check=True, timeout=60)
        done = subprocess.run([kit / "main"], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (int("FAILED" in said), f"model: the self-test {said}\n")


def test_a_type_that_no_kernel_runs_is_refused(call, tmp_path, kit):
    ends = [tensor("x", (1, 4), scales=[0.5]), tensor("axis", (), "INT32", bytes(4)), tensor("y", (1,), "INT64")]
    (tmp_path / "m.tflite").write_bytes(litert_file(ends, [("ARG_MAX", [0, 1], [2])], [0], [2]))
    code, _, err = call("export", tmp_path / "m.tflite", "--to", "tflm", "--output", kit)
    assert (code, err) == (
        1,
        "error: tflite-micro has no kernel for ARG_MAX in int8 -> int64 at 'y'; there are some for float32 -> int32, "
        "int8 -> int32; change the model, or export it with --to c for another runtime\n",
    )
    assert call("export", tmp_path / "m.tflite", "--to", "c", "--output", kit)[0] == 0


def _data(folder, images):
    zeros = np.zeros(len(images), np.int64)
    np.savez(folder / "d.npz", x_train=images, x_test=images, y_train=zeros, y_test=zeros)
    return folder / "d.npz"


def test_a_sample_of_another_size_than_the_file_is_laid_out_for_is_refused(call, tmp_path, kit):
    ends = [tensor("x", (1, 4), "FLOAT32"), tensor("y", (1, 4), "FLOAT32")]
    ends[0].shapeSignature = ends[1].shapeSignature = [1, -1]
    (tmp_path / "m.tflite").write_bytes(litert_file(ends, [("RELU", [0], [1])], [0], [1]))
    data = _data(tmp_path, np.arange(-16, 16, dtype=np.float32).reshape(2, 16).repeat(10, 0))
    code, _, err = call("export", tmp_path / "m.tflite", "--to", "tflm", "--output", kit, "--data", data)
    what = "a sample of the data is 1 x 16 for 'x', and the file is laid out for 1 x 4"
    assert (code, err) == (
        1,
        f"error: {what}; give data of that size, or make the file for samples of this size\n",
    )
    assert call("export", tmp_path / "m.tflite", "--to", "tflm", "--output", kit)[0] == 0
    assert "#define MODEL_INPUT_0_BYTES 16\n" in (kit / "model.h").read_text()


def test_outputs_that_are_alike_are_told(call, tmp_path, kit):
    ends = [tensor("x", (1, 4), scales=[1.0]), tensor("y", (1, 4), scales=[1.0])]
    (tmp_path / "m.tflite").write_bytes(litert_file(ends, [("RELU", [0], [1])], [0], [1]))
    for values, told in (([-9, -8, 0, 8], "all numbers of 'y' are alike"), ([-9, -8, 0, 9], "")):
        data = _data(tmp_path, np.array([values], np.float32).repeat(20, 0))
        arguments = ("--to", "tflm", "--output", kit, "--data", data, "--force")
        code, _, err = call("export", tmp_path / "m.tflite", *arguments)
        assert (code, err.partition(" for this sample")[0]) == (0, told)


def test_variables_of_a_model_are_not_set_up(call, tmp_path, kit):
    path = tmp_path / "m.tflite"
    path.write_bytes(litert_file([tensor("x", (1, 4)), tensor("y", (1, 4))], [("VAR_HANDLE", [0], [1])], [0], [1]))
    text = (
        "error: the file keeps resource variables (VAR_HANDLE), which the source files do not set up; "
        "export it with --to c, and make an interpreter with MicroResourceVariables\n"
    )
    assert call("export", path, "--to", "tflm", "--output", kit) == (1, "", text)


def test_weights_stay_coded_in_flash_where_that_saves_it(call, tmp_path, kit):
    path = tmp_path / "m.tflite"
    path.write_bytes(sparse_chain())
    code, out, err = call("export", path, "--to", "tflm", "--output", kit, "--decode")
    assert (code, err) == (0, "")
    size = (kit / "model.tflite").stat().st_size
    lines = out.splitlines()
    assert lines[1:3] == [
        f"  flash   {size / 1000:.1f} kB for model",
        "  decode  weights of 2 layers coded by huffman: 6.9 kB before, 1.4 kB now",
    ]
    assert lines[-1] == "  3 operators: Conv2D, Decode, FullyConnected"
    assert size < 0.35 * path.stat().st_size
    text = (kit / "README.md").read_text()
    assert "  - kernel, huffman: 1.2 kB before, " in text
    assert "build with a LiteRT for Microcontrollers that has it" in text


def test_a_file_with_nothing_to_decode_stays_as_it_is(call, model, kit):
    code, out, _ = call("export", model, "--to", "tflm", "--output", kit, "--decode")
    assert code == 0
    assert "  decode  no weights take fewer bytes coded; the model is as it was\n" in out
    assert not (kit / "model.tflite").exists()


def test_an_npu_gets_a_compiled_file_and_what_it_costs(call, model, kit):
    code, out, _ = call("export", model, "--to", "ethos-u", "--accelerator", "ethos-u55-64", "--output", kit)
    assert code == 0
    npu, operators = out.splitlines()[-2:]
    cycles, sram = re.fullmatch(r"  NPU     ([\d,]+) cycles, (\d+) B of SRAM on ethos-u55-64", npu).groups()
    assert operators == "  1 operator: EthosU"
    assert int(cycles.replace(",", "")) > 100
    arena = plan_arena((kit / "model.tflite").read_bytes())
    assert arena.tensor_bytes == int(sram)  # vela's own plan of the arena, which is in the file
    assert [operator.name for operator in arena.operators] == ["ethos-u"]
    assert f"- on ethos-u55-64, as vela estimates: {cycles} cycles an inference (" in (kit / "README.md").read_text()
    assert "resolver.AddEthosU()" in (kit / "model_runner.cc").read_text()


def test_an_unknown_npu_and_vela_that_is_not_there_are_told(call, model, kit, monkeypatch):
    code, _, err = call("export", model, "--to", "ethos-u", "--accelerator", "ethos-u55-129", "--output", kit)
    assert code == 2
    assert "there is no accelerator 'ethos-u55-129'; did you mean 'ethos-u55-128'?" in err
    monkeypatch.setattr("compressor.models.micro.ethos_u.find_spec", lambda name: None)
    text = "error: Arm's compiler vela is not installed; pip install ethos-u-vela\n"
    assert call("export", model, "--to", "ethos-u", "--output", kit) == (1, "", text)


def test_a_file_that_an_npu_has_no_use_for_is_refused(call, tmp_path, kit):
    path = tmp_path / "m.tflite"
    ends = [tensor("x", (1, 4), "FLOAT32"), tensor("y", (1, 4), "FLOAT32")]
    path.write_bytes(litert_file(ends, [("RELU", [0], [1])], [0], [1]))
    text = "error: vela leaves every operator of the file to the CPU; quantize it to int8 or int16x8\n"
    assert call("export", path, "--to", "ethos-u", "--output", kit) == (1, "", text)
    assert not kit.exists()


def test_what_vela_says_when_it_fails_is_told():
    with pytest.raises(ModelError) as caught:
        compiled(chain(), "ethos-u1")
    assert re.fullmatch(
        r"vela cannot compile the file \(.*invalid choice: 'ethos-u1'.*\); quantize it to int8 or int16x8",
        str(caught.value),
    )
