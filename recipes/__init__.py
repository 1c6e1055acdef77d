"""The recipes that ship with compressor."""
