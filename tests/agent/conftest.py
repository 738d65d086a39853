"""Tasks of other rooms' tests."""

from __future__ import annotations

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1] / "rollouts"))  # counting_task
