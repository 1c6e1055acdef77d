"""Makes a `.tflite` file compute in integers, and mends what TensorFlow's quantizer leaves or breaks."""
