"""Copies finished runs' summaries, with command and commit, to docs/results/.

Called as: python scripts/collect_results.py RUN...
"""

from __future__ import annotations

import json
import pathlib
import sys

RESULTS = pathlib.Path(__file__).parents[1] / "docs" / "results"


def main() -> None:
    """One JSON a run, named after it, in a folder of its task."""
    for folder in map(pathlib.Path, sys.argv[1:]):
        summary = json.loads((folder / "summary.json").read_text())
        manifest = json.loads((folder / "manifest.json").read_text())
        record = {key: manifest[key] for key in ("command", "commit", "created_at", "machine")} | {"summary": summary}
        file = RESULTS / summary["task"] / f"{folder.name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record, indent=1) + "\n")
        print(file.relative_to(RESULTS.parents[1]))


if __name__ == "__main__":
    main()
