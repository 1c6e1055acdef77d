"""What a `.tflite` file holds: weights, operators, what it takes and gives, and what it multiplies."""
