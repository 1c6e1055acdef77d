"""Hostile model files: Keras files, SavedModels, LiteRT files and packages."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from hostile_files import MARKER, Case, Collection, damaged, rewritten, with_config

NUMBERS = (2**20, 2**31, 2**40, 2**70, 0, -1, 1.5, 1e300, "many", None, [3], True)
LAYERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Dense", {"units": 2**36}),
    ("Dense", {"units": 4, "activation": "no_such"}),
    ("Dense", {"units": 4, "kernel_initializer": "no_such"}),
    ("Dense", {"units": 4, "dtype": "string"}),
    ("Dense", {"units": 4, "dtype": "complex128"}),
    ("Dense", {"units": 4, "name": "\x1b[31mred\n| <script>\u202e"}),
    ("Dense", {"units": 4, "name": "n" * 10**6}),
    ("Dense", {"units": 4, "name": 7}),
    ("Reshape", {"target_shape": [2**40, -1]}),
    ("Reshape", {"target_shape": [-1, -1]}),
    ("RepeatVector", {"n": 2**40}),
    ("ZeroPadding2D", {"padding": [[2**30, 2**30], [2**30, 2**30]]}),
    ("UpSampling2D", {"size": [2**20, 2**20]}),
    ("Conv2D", {"filters": 4, "kernel_size": [2**20, 2**20]}),
    ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "strides": [0, 0]}),
    ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "dilation_rate": [2**40, 1]}),
    ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "groups": 0}),
    ("Conv2DTranspose", {"filters": 2**30, "kernel_size": [64, 64]}),
    ("Embedding", {"input_dim": 2**40, "output_dim": 64}),
    ("LSTM", {"units": 2**30}),
    ("MultiHeadAttention", {"num_heads": 2**30, "key_dim": 2**10}),
    ("Lambda", {"function": ["4wAAAA==", None, None], "function_type": "lambda"}),
    ("Lambda", {"function": "system", "module": "os", "function_type": "function"}),
    ("get_file", {}),
    ("NoSuchLayer", {"units": 4}),
    ("", {}),
)


def model_cases(collection: Collection) -> Iterator[Case]:
    """All of them."""
    for part in (_configs, _layers, _archives, _hdf5, _saved_models, _litert, _packages):
        yield from part(collection)


def _configs(collection: Collection) -> Iterator[Case]:
    """Configurations of Keras 2 and 3 that ask for too much, or make no sense."""

    def setting(kind: str, key: str, value: Any) -> Callable[[Any], None]:
        def change(config: Any) -> None:
            for layer in config["config"]["layers"]:
                if layer["class_name"] == kind:
                    layer["config"][key] = value

        return change

    for source in sorted({"k2.keras", "k3.keras"} & set(collection.files)):
        keras = source[:2]
        for number, value in enumerate(NUMBERS):
            yield with_config(collection, f"{keras}-units{number}", source, setting("Dense", "units", value))
            yield with_config(collection, f"{keras}-filters{number}", source, setting("Conv2D", "filters", value))
        key = "batch_input_shape" if keras == "k2" else "batch_shape"
        shapes = (
            [None, 2**31, 2**31, 1],
            [None, 2**40, 8, 1],
            [None, -5, 8, 1],
            [None, "x", 8, 1],
            [],
            None,
            [2**20, 8, 8, 1],
        )
        for number, shape in enumerate(shapes):
            yield with_config(collection, f"{keras}-shape{number}", source, setting("InputLayer", key, shape))
        nonsense: dict[str, Callable[[Any], Any]] = {
            "list": lambda config: [config],
            "null": lambda config: {},
            "text": lambda config: "a model",
            "number": lambda config: 10**400,
            "no-layers": lambda config: config["config"].pop("layers") and None,
            "no-config": lambda config: config.pop("config") and None,
            "twice": lambda config: config["config"]["layers"].append(config["config"]["layers"][1]),
            "no-nodes": lambda config: [layer.pop("inbound_nodes") for layer in config["config"]["layers"]] and None,
            "circle": lambda config: config["config"]["layers"].reverse(),
            "outputs": lambda config: config["config"].update(output_layers=[["none", 0, 0]]),
            "far-output": lambda config: config["config"].update(output_layers=[["dense", 2**40, 2**40]]),
            "class": lambda config: config.update(class_name=["Functional"]),
            "module": lambda config: config.update(module="os", class_name="system"),
            "registered": lambda config: config.update(registered_name="evil>Functional", module=None),
        }
        for name, change in nonsense.items():
            yield with_config(collection, f"{keras}-{name}", source, change)
        raw = {
            "deep": b"[" * 50_000 + b"]" * 50_000,
            "empty": b"",
            "binary": bytes(range(256)),
            "nan": b'{"config": NaN}',
            "utf16": '{"a": 1}'.encode("utf-16"),
            "digits": b"9" * 100_000,
        }
        for name, content in raw.items():
            path = collection.folder(f"{keras}-json-{name}") / "m.keras"
            rewritten(
                path, collection.files[source], lambda entry, old, new=content: new if entry == "config.json" else old
            )
            yield Case(f"{keras}-json-{name}", ["inspect", f"{keras}-json-{name}/m.keras"])


def _layers(collection: Collection) -> Iterator[Case]:
    """A layer at the end of a Keras 2 model that asks for too much, or runs code."""
    for number, (kind, settings) in enumerate(LAYERS):

        def change(config: Any, kind: str = kind, settings: dict[str, Any] = settings) -> None:
            layers = config["config"]["layers"]
            at = {"Conv2D": 1, "ZeroPadding2D": 1, "UpSampling2D": 1, "Conv2DTranspose": 1, "LSTM": 1}.get(
                kind, len(layers) - 1
            )
            old = layers[at]
            layers[at] = {
                **old,
                "class_name": kind,
                "config": {"name": old["config"]["name"], "trainable": True, **settings},
            }
            if kind != "Dense":
                layers[at].pop("build_config", None)

        yield with_config(collection, f"layer{number}-{kind}", "k2.keras", change)


def _archives(collection: Collection) -> Iterator[Case]:
    """`.keras` files that are odd archives."""
    whole = collection.files["k2.keras"]
    marker = str(collection.root / MARKER)
    entries = (
        *(f"../{MARKER}", marker, f"a/../../{MARKER}", f"..\\{MARKER}", f"C:{MARKER}", "assets/../../x"),
        *("a\nb", "\u202ex", "n" * 60_000),
    )
    for number, entry in enumerate(entries):
        name = f"zip-path{number}"
        rewritten(collection.folder(name) / "m.keras", whole, lambda _, content: content, **{entry: b"x"})
        yield Case(name, ["inspect", f"{name}/m.keras", "--trust-model"])
    name = "zip-link"
    path = collection.folder(name) / "m.keras"
    rewritten(path, whole, lambda _, content: content)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    yield Case(name, ["inspect", f"{name}/m.keras"])
    for name, entry, count in (("zip-twice", "config.json", 2), ("zip-thrice", "model.weights.h5", 3)):
        path = collection.folder(name) / "m.keras"
        rewritten(path, whole, lambda _, content: content)
        with zipfile.ZipFile(path, "a") as archive:
            for _ in range(count - 1):
                archive.writestr(entry, b"{}")
        yield Case(name, ["inspect", f"{name}/m.keras"])
    name = "zip-bomb"
    rewritten(collection.folder(name) / "m.keras", whole, lambda _, content: content, bomb=bytes(3 * 10**8))
    yield Case(name, ["inspect", f"{name}/m.keras"])
    name = "zip-many"
    rewritten(
        collection.folder(name) / "m.keras", whole, lambda _, content: content, **{f"f{n}": b"" for n in range(20_000)}
    )
    yield Case(name, ["inspect", f"{name}/m.keras"])
    for entry in ("config.json", "metadata.json", "model.weights.h5"):
        gone = f"zip-without-{entry}"
        rewritten(
            collection.folder(gone) / "m.keras",
            whole,
            lambda old, content, entry=entry: None if old == entry else content,
        )
        yield Case(gone, ["inspect", f"{gone}/m.keras"])
        for field, (local, central), width in (("crc", (14, 16), 4), ("packed", (18, 20), 4), ("size", (22, 24), 4),
                                               ("method", (8, 10), 2), ("flags", (6, 8), 2)):  # fmt: skip
            for which in ("local", "central", "both"):
                for value in (1, 2 ** (8 * width) - 1) if field != "crc" else (1,):
                    content = bytearray(whole)
                    at, number = entry.encode(), value.to_bytes(width, "little")
                    first, last = content.find(at) - 30, content.rfind(at) - 46
                    if which != "central":
                        content[first + local : first + local + width] = number
                    if which != "local":
                        content[last + central : last + central + width] = number
                    yield collection.model(f"zip-{field}-{which}-{value}-{entry}", "m.keras", bytes(content))
    directory = bytearray(whole)
    first, second = (whole.rfind(name) - 46 for name in (b"metadata.json", b"model.weights.h5"))
    directory[first + 42 : first + 46] = directory[second + 42 : second + 46]  # two entries at the same bytes
    yield collection.model("zip-overlap", "m.keras", bytes(directory))
    for prefix in (b"junk" * 100, b"\x89HDF\r\n\x1a\n"):
        yield collection.model(f"zip-after-{prefix[1:4].decode()}", "m.keras", prefix + whole)
    for source in sorted({"k2.keras", "k3.keras"} & set(collection.files)):
        for kind, content in damaged(collection.files[source]):
            yield collection.model(f"{source[:2]}-{kind}", "m.keras", content)


def _hdf5(collection: Collection) -> Iterator[Case]:
    """`.h5` files with odd objects."""
    import h5py
    import numpy as np

    def changed(name: str, change: Callable[[Any], None]) -> Case:
        path = collection.folder(name) / "m.h5"
        path.write_bytes(collection.files["m.h5"])
        with h5py.File(path, "r+") as file:
            change(file)
        return Case(name, ["inspect", f"{name}/m.h5"])

    for kind, content in damaged(collection.files["m.h5"], flips=20, cuts=8):
        yield collection.model(f"h5-{kind}", "m.h5", content)

    def kernel(file: Any, **options: Any) -> None:
        group = file["model_weights/dense/dense"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", **options)

    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    changes: dict[str, Callable[[Any], Any]] = {
        "swells": lambda file: kernel(file, shape=(2**40,), dtype="f4", chunks=(1024,)),
        "gzip": lambda file: kernel(file, data=np.zeros(10**8, "u1"), chunks=(10**6,), compression="gzip"),
        "shape": lambda file: kernel(file, data=np.zeros((3, 3), "f4")),
        "text": lambda file: kernel(file, data=np.array([b"x" * 100] * 10)),
        "objects": lambda file: kernel(file, shape=(4,), dtype=h5py.ref_dtype),
        "varied": lambda file: kernel(file, shape=(4,), dtype=h5py.vlen_dtype("f4")),
        "compound": lambda file: kernel(file, shape=(4,), dtype=[("a", "f4"), ("b", "S9")]),
        "outside": lambda file: kernel(file, shape=(4,), dtype="f4", external=[("/etc/passwd", 0, 16)]),
        "virtual": lambda file: file["model_weights"].create_virtual_dataset("v", layout),
        "external": lambda file: file.__setitem__("model_weights/x", h5py.ExternalLink("/etc/passwd", "/")),
        "circle": lambda file: file.__setitem__("model_weights/x", h5py.SoftLink("/model_weights")),
        "hard-circle": lambda file: file.__setitem__("model_weights/x", file["model_weights"]),
        "no-config": lambda file: file.attrs.__delitem__("model_config"),
        "number": lambda file: file.attrs.__setitem__("model_config", 7),
        "array": lambda file: file.attrs.__setitem__("model_config", np.zeros(9)),
        "no-json": lambda file: file.attrs.__setitem__("model_config", "{"),
        "bytes": lambda file: file.attrs.__setitem__("model_config", np.bytes_(b"\xff\xfe{}")),
        "version": lambda file: file.attrs.__setitem__("keras_version", "9" * 5000),
        "version-array": lambda file: file.attrs.__setitem__("keras_version", np.zeros(3)),
        "no-weights": lambda file: file.__delitem__("model_weights"),
        "weights-data": lambda file: file.__delitem__("model_weights") or file.__setitem__("model_weights", [1]),
        "names": lambda file: file["model_weights"].attrs.__setitem__("layer_names", [b"none"]),
        "name-number": lambda file: file["model_weights"].attrs.__setitem__("layer_names", 3),
        "weight-names": lambda file: file["model_weights/dense"].attrs.__setitem__("weight_names", [b"../../x"]),
        "frozen": lambda file: file.attrs.__setitem__("compressor_frozen_parts", "x"),
        "backend": lambda file: file.attrs.__setitem__("backend", 3),
    }  # fmt: skip
    for name, change in changes.items():
        yield changed(f"h5-{name}", change)
    path = collection.folder("h5-deep") / "m.h5"
    path.write_bytes(collection.files["m.h5"])
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        for _ in range(3_000):
            group = group.create_group("g")
    yield Case("h5-deep", ["inspect", "h5-deep/m.h5"])


def _saved_models(collection: Collection) -> Iterator[Case]:
    """Folders that say they are SavedModels; without trust none is loaded, and with it these hold no program."""
    noise, trust = bytes(range(256)) * 9, ("--trust-model",)
    graphs = (("empty", b"", ()), ("noise", noise, ()), ("empty-trusted", b"", trust), ("noise-trusted", noise, trust))
    for name, content, option in graphs:
        folder = collection.folder(f"saved-{name}")
        (folder / "saved_model.pb").write_bytes(content)
        yield Case(f"saved-{name}", ["inspect", f"saved-{name}", *option])
    for option in ((), ("--trust-model",)):
        name = f"saved-fifo{len(option)}"
        os.mkfifo(collection.folder(name) / "saved_model.pb")
        yield Case(name, ["inspect", name, *option])
        name = f"saved-variables{len(option)}"
        folder = collection.folder(name)
        (folder / "keras_metadata.pb").write_bytes(b"\xff" * 99)
        (folder / "saved_model.pb").write_bytes(b"\x08\x01")
        os.mkfifo(folder / "fingerprint.pb")
        yield Case(name, ["inspect", name, *option])


def _litert(collection: Collection) -> Iterator[Case]:
    """`.tflite` files with numbers that lead outside, or ask for too much."""
    from compressor.models.litert.flatbuffer import read_model, write_model

    whole = collection.files["m.tflite"]
    for kind, content in damaged(whole, flips=30, cuts=8):
        yield collection.model(f"tflite-{kind}", "m.tflite", content)
    changes: dict[str, Callable[[Any, Any, Any], Any]] = {
        "buffer": lambda model, graph, tensor: setattr(tensor, "buffer", 2**31),
        "big-shape": lambda model, graph, tensor: setattr(tensor, "shape", [2**31 - 1, 2**31 - 1, 2**31 - 1]),
        "wide-shape": lambda model, graph, tensor: setattr(tensor, "shape", [2**31 - 1]),
        "negative-shape": lambda model, graph, tensor: setattr(tensor, "shape", [-1, -2, -3]),
        "many-sizes": lambda model, graph, tensor: setattr(tensor, "shape", [1] * 10_000),
        "type": lambda model, graph, tensor: setattr(tensor, "type", 117),
        "name": lambda model, graph, tensor: setattr(tensor, "name", b"\xff\xfe\x1b[31m\n\0"),
        "long-name": lambda model, graph, tensor: setattr(tensor, "name", b"n" * 10**7),
        "no-name": lambda model, graph, tensor: setattr(tensor, "name", None),
        "inputs": lambda model, graph, tensor: setattr(graph, "inputs", [2**30]),
        "no-inputs": lambda model, graph, tensor: setattr(graph, "inputs", []),
        "outputs": lambda model, graph, tensor: setattr(graph, "outputs", [-5]),
        "no-outputs": lambda model, graph, tensor: setattr(graph, "outputs", []),
        "no-tensors": lambda model, graph, tensor: setattr(graph, "tensors", []),
        "no-operators": lambda model, graph, tensor: setattr(graph, "operators", []),
        "no-codes": lambda model, graph, tensor: setattr(model, "operatorCodes", []),
        "code": lambda model, graph, tensor: setattr(graph.operators[0], "opcodeIndex", 2**31),
        "operator": lambda model, graph, tensor: [setattr(code, "builtinCode", 10**6) for code in model.operatorCodes],
        "custom": lambda model, graph, tensor: [setattr(code, "builtinCode", 32) for code in model.operatorCodes],
        "operand": lambda model, graph, tensor: setattr(graph.operators[0], "inputs", [2**30, -7]),
        "circle": lambda model, graph, tensor: setattr(graph.operators[0], "inputs", graph.operators[-1].outputs),
        "options": lambda model, graph, tensor: setattr(graph.operators[0].builtinOptions, "strideW", 0),
        "padding": lambda model, graph, tensor: setattr(graph.operators[0].builtinOptions, "padding", 99),
        "dilation": lambda model, graph, tensor: setattr(graph.operators[0].builtinOptions, "dilationHFactor", 2**30),
        "version": lambda model, graph, tensor: setattr(model, "version", 2**32 - 1),
        "graphs": lambda model, graph, tensor: model.subgraphs.extend([graph] * 500),
        "offset": lambda model, graph, tensor: [
            setattr(buffer, "offset", 2**40) or setattr(buffer, "size", 2**40) for buffer in model.buffers
        ],
        "big-input": lambda model, graph, tensor: setattr(graph.tensors[graph.inputs[0]], "shape", [1, 2**20, 2**20]),
    }  # fmt: skip
    for name, change in changes.items():
        model = read_model(whole)
        graph = model.subgraphs[0]
        constant = next(tensor for tensor in graph.tensors if model.buffers[tensor.buffer].data is not None)
        change(model, graph, constant)
        yield collection.model(f"tflite-{name}", "m.tflite", write_model(model))
    for number, at in enumerate(range(0, 64, 4)):
        content = whole[:at] + struct.pack("<I", 2**32 - 1) + whole[at + 4 :]
        yield collection.model(f"tflite-word{number}", "m.tflite", content)
    yield collection.model("tflite-empty", "m.tflite", b"")
    yield collection.model("tflite-noise", "m.tflite", b"\x1c\0\0\0TFL3" + bytes(range(256)) * 40)


def _packages(collection: Collection) -> Iterator[Case]:
    """`.tfpack` files of every coder, damaged, and with lengths that are lies."""
    from compressor.models.packing.coders import CODERS
    from compressor.models.packing.package import pack

    whole = collection.files["m.tflite"]
    packages = {name: pack(whole, name) for name in CODERS if name != "model"}
    packages["model"] = b"TFP\x04" + packages["gzip"][4:]
    for name, package in packages.items():
        for kind, content in damaged(package, flips=5, cuts=4, seed=1):
            yield collection.model(f"tfpack-{name}-{kind}", "m.tfpack", content)
        lengths = (
            b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
            b"\xff\xff\xff\xff\x0f",
            b"\x80\xc2\xd7\x2f",
            b"\0",
            b"\xff" * 12,
        )
        for number, length in enumerate(lengths):
            content = package[:4] + length + package[6:]
            yield collection.model(f"tfpack-{name}-length{number}", "m.tfpack", content)
        folder = f"tfpack-{name}-unpack"
        (collection.folder(folder) / "m.tfpack").write_bytes(package[:4] + lengths[2] + package[6:])
        yield Case(folder, ["unpack", f"{folder}/m.tfpack", f"{folder}/out.tflite"])
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    bomb = b"".join(coder.compress(bytes(10**7)) for _ in range(9)) + coder.flush()
    yield collection.model("tfpack-bomb", "m.tfpack", b"TFP\0\x80\xba\xf5\x2a" + bytes(4) + bomb)
    yield collection.model("tfpack-within", "m.tfpack", b"TFP\0" + b"\x10" + bytes(4) + packages["gzip"])
    yield collection.model("tfpack-coder", "m.tfpack", b"TFP\xff\x10" + bytes(40))
