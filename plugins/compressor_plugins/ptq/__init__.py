"""Post-training quantization: the converter, litert-quantizer, mixed precision and sensitivity."""
