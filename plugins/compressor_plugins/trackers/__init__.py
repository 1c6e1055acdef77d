"""Trackers: a run is followed in TensorBoard, in MLflow or in Weights & Biases."""
