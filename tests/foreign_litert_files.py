"""Small `.tflite` files of kinds that others make and this tool does not, by their names.

Most come from TensorFlow's converter; what it writes no longer is put into a file by hand.
"""

import tempfile

import numpy as np

from compressor.models.litert.format import flatbuffer
from compressor.models.litert.format.flatbuffer import read_model, write_model

FEATURES = 16


def made():
    """All files. Each takes 16 numbers a sample."""
    plain = _converted(_dense())
    return {
        "two signatures": _two_signatures(),
        "a condition": _condition(),
        "a variable": _variable(),
        "a table of strings": _table_of_strings(),
        "sparsely stored": _converted(_sparse(), "EXPERIMENTAL_SPARSITY"),
        "sparsely stored int8": _converted(_sparse(), "EXPERIMENTAL_SPARSITY", "DEFAULT"),
        "dynamic range": _converted(_dense(), "DEFAULT"),
        "float16": _converted(_dense(), "DEFAULT", float16=True),
        "a quantized scalar": _quantized_scalar(),
        "weights after the flatbuffer": _weights_after(plain),
        "unused parts": _unused_parts(plain),
        "a tensor of no values": _no_values(plain),
        "metadata": _metadata(plain),
        "no signature": _no_signature(plain),
    }


def _weights(*shape):
    return np.random.default_rng(len(shape) + sum(shape)).normal(0, 0.3, shape).astype(np.float32)


def _dense(values=_weights):
    from tf_keras import Sequential, layers

    model = Sequential(
        [layers.InputLayer((FEATURES,), name="x"), layers.Dense(80, "relu", name="hidden"), layers.Dense(4, name="y")]
    )
    model.set_weights([values(*weight.shape) for weight in model.get_weights()])
    return model


def _sparse():
    return _dense(lambda *shape: np.where(np.random.default_rng(0).random(shape) < 0.64, 0, _weights(*shape)))


def _converted(model, *optimizations, float16=False, calibration=None):
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize[name] for name in optimizations]
    if float16:
        converter.target_spec.supported_types = [tf.float16]
    converter.representative_dataset = calibration
    return converter.convert()


def _of_functions(module, **functions):
    """The file of a module's functions, each a signature."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(functions))
        converter.experimental_enable_resource_variables = True
        return converter.convert()


def _takes(size, name="x"):
    import tensorflow as tf

    return [tf.TensorSpec((1, size), tf.float32, name)]


def _two_signatures():
    import tensorflow as tf

    class Coder(tf.Module):
        def __init__(self):
            self.down, self.up = tf.Variable(_weights(FEATURES, 8)), tf.Variable(_weights(8, FEATURES))

        @tf.function(input_signature=_takes(FEATURES))
        def encode(self, x):
            return {"code": tf.nn.relu(x @ self.down)}

        @tf.function(input_signature=_takes(8, "code"))
        def restore(self, code):
            return {"x": code @ self.up}

    coder = Coder()
    return _of_functions(coder, encode=coder.encode, restore=coder.restore)


def _condition():
    import tensorflow as tf

    class Chooser(tf.Module):
        def __init__(self):
            self.one, self.other = tf.Variable(_weights(FEATURES, 4)), tf.Variable(_weights(FEATURES, 4) + 1)

        @tf.function(input_signature=_takes(FEATURES))
        def choose(self, x):
            return {"y": tf.cond(tf.reduce_sum(x) > 0, lambda: x @ self.one, lambda: tf.nn.relu(x @ self.other))}

    chooser = Chooser()
    return _of_functions(chooser, serving_default=chooser.choose)


def _variable():
    import tensorflow as tf

    class Adder(tf.Module):
        def __init__(self):
            self.sum, self.kernel = tf.Variable(tf.zeros((1, FEATURES))), tf.Variable(_weights(FEATURES, 4))

        @tf.function(input_signature=_takes(FEATURES))
        def add(self, x):
            self.sum.assign_add(x)
            return {"y": self.sum @ self.kernel}

    adder = Adder()
    return _of_functions(adder, serving_default=adder.add)


def _table_of_strings():
    import tensorflow as tf

    class Namer(tf.Module):
        def __init__(self):
            self.kernel = tf.Variable(_weights(FEATURES, 4))

        @tf.function(input_signature=_takes(FEATURES))
        def name(self, x):
            return {"y": x @ self.kernel, "names": tf.constant(["one", "two", "three", "four"])}

    namer = Namer()
    return _of_functions(namer, serving_default=namer.name)


def _quantized_scalar():
    """A graph in integers that multiplies by a number."""
    from tf_keras import Model, layers

    inner = _dense()
    output = layers.Activation("sigmoid")(inner.output) * 0.37
    samples = [[_weights(1, FEATURES) * np.float32(scale)] for scale in (0.5, 1, 2)]
    return _converted(Model(inner.inputs, output), "DEFAULT", calibration=lambda: iter(samples))


def _weights_after(content):
    """As litert-quantizer writes from 256 KiB on, and the converter from 2 GB on."""
    limit, flatbuffer._MOST_INLINE = flatbuffer._MOST_INLINE, 0
    try:
        return write_model(read_model(content))
    finally:
        flatbuffer._MOST_INLINE = limit


def _unused_parts(content):
    """Buffers, tensors and an operator code that nothing uses."""
    from ai_edge_litert import schema_py_generated as schema

    file = read_model(content)
    for number in range(3):
        buffer, tensor, code = schema.BufferT(), schema.TensorT(), schema.OperatorCodeT()
        buffer.data = np.full(1000, number, np.uint8)
        tensor.shape, tensor.buffer, tensor.name = np.array([250], np.int32), len(file.buffers), b"nobody's"
        code.builtinCode = code.deprecatedBuiltinCode = 41 + number
        file.buffers.append(buffer)
        file.subgraphs[0].tensors.append(tensor)
        file.operatorCodes.append(code)
    return write_model(file)


def _no_values(content):
    """A constant of shape (0,) and one of shape (0, 4)."""
    from ai_edge_litert import schema_py_generated as schema

    file = read_model(content)
    for shape in ([0], [0, 4]):
        buffer, tensor = schema.BufferT(), schema.TensorT()
        buffer.data = np.zeros(0, np.uint8)
        tensor.shape, tensor.buffer, tensor.name = np.array(shape, np.int32), len(file.buffers), b"nothing"
        file.buffers.append(buffer)
        file.subgraphs[0].tensors.append(tensor)
    return write_model(file)


def _metadata(content):
    """What a phone's app reads, in a buffer that no tensor names."""
    from ai_edge_litert import schema_py_generated as schema

    file = read_model(content)
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer = b"TFLITE_METADATA", len(file.buffers)
    buffer.data = np.frombuffer(b"labels: one, two, three, four", np.uint8)
    file.metadata = [*(file.metadata or []), entry]
    file.buffers.append(buffer)
    file.description = b"four classes"
    return write_model(file)


def _no_signature(content):
    file = read_model(content)
    file.signatureDefs = None
    return write_model(file)
