"""One stage of a run: what it starts from, taking its step, measuring what is left, and where that is kept."""
