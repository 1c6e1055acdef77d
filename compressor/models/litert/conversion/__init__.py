"""Turns Keras models and SavedModels into the `.tflite` file that ships."""
