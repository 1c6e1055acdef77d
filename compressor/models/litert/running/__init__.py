"""Runs `.tflite` files, here or in a child process that a crash of native code may end."""
