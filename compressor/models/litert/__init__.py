"""The `.tflite` format: converting to it, running it, reading what it holds, and packing it."""
