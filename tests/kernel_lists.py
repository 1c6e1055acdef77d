"""Asks the runtimes that are installed which operators they have, in which versions and types.

    python tests/kernel_lists.py            says what is not as the lists in compressor/devices/kernels have it
    python tests/kernel_lists.py --write    writes tflm.yaml, litert.yaml, xnnpack.yaml and ethos-u55.yaml there

Needs the packages tflite-micro and ethos-u-vela. Each operator is asked by a file that calls it once, in a process of
its own, since a runtime may end the process over what it does not know.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from operator_specimens import specimens
from small_litert_files import float_dense, sparse_chain

from compressor.devices.called_operators import called_operators
from compressor.models.litert.format.flatbuffer import write_model
from compressor.models.micro.decoded_weights import DECODE, with_decoded_weights

FOLDER = Path(__file__).parent.parent / "compressor" / "devices" / "kernels"
_CHILD = """
import json, sys
from pathlib import Path
import numpy as np
from compressor.models.litert.format.flatbuffer import read_model

runtime, names = sys.argv[1], sys.argv[2:]
for name in names:
    content = Path(name).read_bytes()
    said = ""
    print(json.dumps([name, "began"]), flush=True)
    try:
        if runtime == "tflm":
            from tflite_micro.python.tflite_micro import runtime as tflm
            model = tflm.Interpreter.from_bytes(content, arena_size=1 << 20)
            for number in range(len(read_model(content).subgraphs[0].inputs)):
                end = model.get_input_details(number)
                model.set_input(np.ones(end["shape"], end["dtype"]), number)
            model.invoke()
        else:
            from ai_edge_litert.interpreter import Interpreter, OpResolverType
            kind = OpResolverType.AUTO if runtime == "xnnpack" else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            model = Interpreter(model_content=content, experimental_op_resolver_type=kind)
            model.allocate_tensors()
            if runtime == "xnnpack" and not any(op["op_name"] == "DELEGATE" for op in model._get_ops_details()):
                said = "not delegated"
            elif runtime != "resolve":
                for end in model.get_input_details():  # what lies in memory may be below 0, which some kernels refuse
                    model.set_tensor(end["index"], np.ones(end["shape"], end["dtype"]))
                model.invoke()
    except Exception as error:
        said = str(error) or "refused"
    print(json.dumps([name, said]), flush=True)
"""
_MOST_VERSIONS = 20
_VELA_TYPES = ("int8", "uint8", "int16", "int32")


def asked(runtime: str, files: dict[str, bytes]) -> dict[str, str]:
    """What the runtime says of each file, by its name; nothing if it ran. `missing` lists operators that it lacks."""
    missing: list[str] = []
    answers: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {str(Path(folder, f"{number}.tflite")): name for number, name in enumerate(files)}
        for path, name in paths.items():
            Path(path).write_bytes(files[name])
        left = list(paths)
        while left:
            command = [sys.executable, "-c", _CHILD, runtime, *left]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=folder)
            missing += re.findall(r"Didn't find op for builtin opcode '(\w+)'", done.stderr)
            began = left[0]
            for line in done.stdout.splitlines():
                if not line.startswith('["'):
                    continue
                path, said = json.loads(line)
                began = path
                answers[paths[path]] = "crashed" if said == "began" else said
            answers.setdefault(paths[began], "crashed")
            left = left[left.index(began) + 1 :]
            if done.returncode == 0 and not left:
                break
    return answers | {"missing": " ".join(missing)}


def bare_files(versions: range) -> dict[tuple[str, int], bytes]:
    """A file for each operator of the schema and each version, which calls it with nothing."""
    files = {}
    for name, number in vars(schema.BuiltinOperator).items():
        if name.startswith("_") or name in ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES"):
            continue
        for version in versions:
            model, graph, call, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT()
            model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], [schema.BufferT()], [code]
            graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], [call]
            call.opcodeIndex, call.inputs, call.outputs = 0, [], []
            code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), version
            files[name, version] = write_model(model)
    return files


def operators_of(runtime: str, versions: range) -> dict[str, int]:
    """The operators that a runtime has, with the last version of each."""
    files = bare_files(versions)
    said = asked(runtime, {f"{name} {version}": content for (name, version), content in files.items()})
    missing = said.pop("missing").split() if runtime == "tflm" else []
    last: dict[str, int] = {}
    for key, answer in said.items():
        name, _, version = key.partition(" ")
        if version and "Didn't find op" not in answer and name not in missing:
            last[name] = max(last.get(name, 0), int(version))
    return last


def types_in(runtime: str) -> dict[str, list[str]]:
    """The types in which a runtime runs each operator, of those that there are specimens of."""
    files, types = {}, {}
    for number, (name, content) in enumerate(specimens()):
        files[f"{name} {number}"] = content
        (types[f"{name} {number}"],) = [call.types for call in called_operators(content)]
    found: dict[str, list[str]] = defaultdict(list)
    answers = asked(runtime, files)
    del answers["missing"]
    for key, said in answers.items():
        name = key.split()[0]
        found[name] += [types[key]] if not said else []
    return {name: list(dict.fromkeys(each)) for name, each in found.items()}


def document(source: str, operators: dict[str, dict[str, object]]) -> str:
    """The text of a list."""
    lines = ["# Written by `python tests/kernel_lists.py --write`.", f"source: {json.dumps(source)}", "operators:"]
    for name, facts in sorted(operators.items()):
        parts = []
        if facts.get("types"):
            parts.append(f"types: [{', '.join(facts['types'])}]")
        if facts.get("last_version"):
            parts.append(f"last_version: {facts['last_version']}")
        lines.append(f"  {name}: {{{', '.join(parts)}}}")
    return "\n".join(lines) + "\n"


def tflm() -> str:
    """LiteRT for Microcontrollers, whose resolvers do not look at versions."""
    version = importlib.metadata.version("tflite-micro")
    types, known = types_in("tflm"), operators_of("tflm", range(1, 2))
    operators = {name: {"types": types.get(name, [])} for name in known if types.get(name) or name not in types}
    operators[DECODE] = {"types": decoded_types()}
    source = (
        f"tflite-micro {version}: the operators of its Python runtime (micro_mutable_op_resolver.h), and the types in "
        "which its reference kernels ran a file of each; no types for those that were not tried"
    )
    return document(source, operators)


def decoded_types() -> list[str]:
    """The types of weights that LiteRT for Microcontrollers decodes, by its operator outside of the schema."""
    files = {"uint8 -> int8": sparse_chain(), "uint8 -> float32": float_dense(np.eye(64, dtype=np.float32))}
    said = asked("tflm", {types: with_decoded_weights(content)[0] for types, content in files.items()})
    return [types for types in files if not said[types]]


def litert() -> str:
    """LiteRT's own kernels."""
    version = importlib.metadata.version("ai-edge-litert")
    types, known = types_in("litert"), operators_of("resolve", range(1, _MOST_VERSIONS))
    operators = {
        name: {"types": types.get(name, []), "last_version": last}
        for name, last in known.items()
        if types.get(name) or name not in types
    }
    source = (
        f"ai-edge-litert {version}: the versions that its resolver has, and the types in which its own kernels ran a "
        "file of each operator; no types for those that were not tried"
    )
    return document(source, operators)


def xnnpack() -> str:
    """What LiteRT gives to XNNPACK."""
    version = importlib.metadata.version("ai-edge-litert")
    operators = {name: {"types": types} for name, types in types_in("xnnpack").items() if types}
    source = f"ai-edge-litert {version} on x86-64: the types in which its XNNPACK delegate took a file of each operator"
    return document(source, operators)


def ethos_u55() -> str:
    """What vela may place on an Ethos-U55 or -U65."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ethosu.vela", "--supported-ops-report"]
        subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=True)
        report = Path(folder, "SUPPORTED_OPS.md").read_text()
    start = report.index("## Ethos-U55 and Ethos-U65 TFLite Summary Table")
    names = re.findall(r"^\| ([A-Z0-9_]+) \|", report[start : report.index("\n## ", start + 3)], re.MULTILINE)
    operators = {}
    for name in names:
        heading = f"### Ethos-U55 and Ethos-U65 TFLite {name} Constraints\n"
        _, _, rest = report.partition(heading)
        rules = rest.partition("\n### ")[0] if rest else ""
        operators[name] = {"types": _vela_types(name, rules)}
    version = importlib.metadata.version("ethos-u-vela")
    return document(
        f"ethos-u-vela {version}, SUPPORTED_OPS.md of --supported-ops-report, table for Ethos-U55 and Ethos-U65",
        operators,
    )


def _vela_types(name: str, rules: str) -> list[str]:
    types = [type_ for type_ in _VELA_TYPES if type_ != "int32" or "32-bit feature-maps are not supported" not in rules]
    if match := re.search(r"datatypes must match, and must be (Int8 or UInt8|Int8)", rules):
        types = ["int8", "uint8"] if "UInt8" in match[1] else ["int8"]
    if name == "BATCH_MATMUL":
        types = ["int8"]
    if name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
        types = ["int8", "uint8", "int16 x int8"]
    if name == "QUANTIZE":
        types += [f"{one} -> {other}" for one in types for other in types if one != other]
    if name == "ARG_MAX":
        types = [f"{type_} -> {index}" for type_ in ("int8", "uint8") for index in ("int32", "int64")]
    return types


LISTS = {"tflm": tflm, "litert": litert, "xnnpack": xnnpack, "ethos-u55": ethos_u55}


def main() -> int:
    """Write the lists, or compare them."""
    off = []
    for name, made in LISTS.items():
        path, text = FOLDER / f"{name}.yaml", made()
        if "--write" in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            off.append(name)
    print("not as they are:", ", ".join(off)) if off else print("all lists are as they should be")
    return int(bool(off))


if __name__ == "__main__":
    sys.exit(main())
