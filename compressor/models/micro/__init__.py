"""What LiteRT for Microcontrollers needs to run a file: its memory, its kernels, and the code around the model."""
