"""The one training loop that all strategies share, its resumable state, losses and distillation."""
