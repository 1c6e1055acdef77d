"""Compares runs, their reports and bare model files, and holds the gate against regressions."""
