"""The commands, one module each, named after them; `compressor/cli/__init__.py` lists them."""
