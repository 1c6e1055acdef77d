"""Trains on one device and together with another process, and prints how far the results are apart.

It is one of two processes that share the trainings. Its arguments are its number, both addresses, and names of cases.
"""

import hashlib
import json
import sys

import numpy as np
from shared_trainings import Kept, resumed, trained

from compressor.base.worker_addresses import WorkerAddresses
from compressor.recipe.runtime_section import RuntimeSection
from compressor.training import joining
from compressor.training.distribution import strategy_for


class KeptOnFirst(Kept):
    """Checkpoints of worker 0, from which both go on."""

    def load(self, fit):
        return joining.joined().share(self.state or b"") or None


def main(index, addresses, cases):
    group = joining.join(WorkerAddresses(tuple(addresses), int(index)), 0, 2, 100, lambda text: sys.exit(text))
    strategy = strategy_for(RuntimeSection(distribute="multi_worker"))
    for case in cases:
        if case == "resumed":
            first, second = resumed(strategy, KeptOnFirst)
        else:
            first = trained(strategy if case == "repeated" else None, case)
            second = trained(strategy, case)
        apart = max(float(np.abs(a - b).max()) for a, b in zip(first[0], second[0], strict=True))
        losses = [[curve[-1][name] for name in ("loss", "val_loss")] for _, curve in (first, second)]
        digest = hashlib.sha256(b"".join(weights.tobytes() for weights in second[0])).hexdigest()
        print(json.dumps({"case": case, "apart": apart, "losses": losses, "digest": digest}), flush=True)
    if group.leads:
        group.end(0)
    else:
        group.wait_for_end()
        group.leave()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:4], sys.argv[4:])
