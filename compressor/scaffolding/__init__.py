"""What `compressor new` writes: packages of plugins, and recipes that fit a model."""
