"""Finds the layers of a quantized model that cost its accuracy, and tries what it gains to keep them in more bits."""
