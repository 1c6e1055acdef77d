"""A whole run in a few words, for tests that look at its result."""

from compressor.run.engine import started


def run(plan, folder, cache):
    """Run a plan, from its first stage to its last."""
    with started(plan, folder, cache) as work:
        for step in plan.stages:
            work.stage(step)
        return work.result()
