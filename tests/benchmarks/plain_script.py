"""Converts a model, and asks LiteRT image by image, as a plain, hand-written script does."""

from __future__ import annotations

from typing import Any


def converted(model: Any, int8: bool = False, samples: Any = None) -> bytes:
    """The `.tflite` file of a tf_keras model, quantized where it was trained for that, or calibrated with samples."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if samples is not None:
        converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    content: bytes = converter.convert()
    return content


def accuracy(content: bytes, images: Any, labels: Any) -> float:
    """The share of images that a file classifies as they are labelled."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    right = 0
    for image, label in zip(images, labels, strict=True):
        interpreter.set_tensor(source, image[None])
        interpreter.invoke()
        right += int(interpreter.get_tensor(target).argmax() == label)
    return right / len(labels)
