"""One stage of a run: loading the model, applying the step, measuring the result, and storing it."""
