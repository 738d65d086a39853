"""Other rooms' helpers of runs on clusters in processes of their own."""

from __future__ import annotations

import pathlib
import sys

for room in ("faults", "labeling"):
    sys.path.append(str(pathlib.Path(__file__).parents[1] / room))
