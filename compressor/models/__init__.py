"""Models in files: Keras files in and out, the bridge to Keras 3, the LiteRT format, and packages of it."""
