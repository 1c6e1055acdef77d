"""What a model file holds, for `compressor inspect`: read from the file, and shown as tables, a page and JSON."""
