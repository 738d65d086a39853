"""Keeps finished runs' results under docs/results/, as `rlhp-ray sweep` does those of its runs.

Called as: python scripts/collect_results.py RUN...
"""

from __future__ import annotations

import pathlib
import sys

from rlhp_ray.experiment.results import result, write_result
from rlhp_ray.storage import RunFolder

RESULTS = pathlib.Path(__file__).parents[1] / "docs" / "results"


def main() -> None:
    """One JSON a run, named after it, in a folder of its task."""
    for address in sys.argv[1:]:
        record = result(RunFolder.open(address))
        if record["summary"] is None:
            sys.exit(f"{address} has not finished, so it has no result.")
        file = RESULTS / record["task"] / f"{record['run']}.json"
        write_result(record, file)
        print(file.relative_to(RESULTS.parents[1]))


if __name__ == "__main__":
    main()
