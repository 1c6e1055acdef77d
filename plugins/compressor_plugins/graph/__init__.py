"""The layer graph of a Keras model, and the rewrites that several techniques use."""
