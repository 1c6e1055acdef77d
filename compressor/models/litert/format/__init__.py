"""The `.tflite` flatbuffer itself: its objects, operators and types, read and written."""
