"""The one training loop, its resumable state, losses and distillation."""
