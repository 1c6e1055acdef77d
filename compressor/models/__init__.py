"""Models in files: Keras files in and out, the bridge to Keras 3, and the LiteRT format."""
