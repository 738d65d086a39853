"""What an earlier run's export has: its answers in force, in the order of asking, and their clips.

It feeds the recorded selector, which brings the clips into this run, and the recorded teacher, which answers. Segment
ids differ between the runs, so the two meet by what a clip shows.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pyarrow as pa

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.preferences.export import ExportedAnswer, read_exported_answers
from rlhp_ray.segments import from_table
from rlhp_ray.types import Segments

ANSWERS_FILE = "answers.parquet"
CLIPS_FOLDER = "clips"


class Recording:
    """The folder that `rlhp-ray export` wrote, read."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Read answers and clips. ConfigError if the folder is no export, CorruptDataError if a clip is missing."""
        path = Path(folder)
        exported = read_exported_answers(path / ANSWERS_FILE)
        in_force = [answer for answer in exported if answer.undone_at is None]
        self.asked: list[ExportedAnswer] = sorted(in_force, key=lambda answer: answer.asked_index)
        wanted = sorted({i for answer in self.asked for i in (answer.query.first, answer.query.second)})
        self._clips = _read_clips(path / CLIPS_FOLDER)
        self._rows = {int(segment_id): row for row, segment_id in enumerate(self._clips.segment_ids)}
        missing = [i for i in wanted if i not in self._rows]
        if missing:
            raise CorruptDataError(f"{path} lacks clip {missing[0]} that its answers name: export the run again")

    def clips(self, segment_ids: list[int]) -> Segments:
        """The clips of these ids of the recorded run, in this order."""
        return self._clips.take([self._rows[i] for i in segment_ids])

    def digest(self, segment_id: int) -> bytes:
        """What the clip of this id shows, in short."""
        return clip_digest(self._clips, self._rows[segment_id])


def _read_clips(folder: Path) -> Segments:
    """All segments of a folder of Arrow files, of which there is at least one."""
    tables = []
    for file in sorted(folder.glob("*.arrow")):
        try:
            with pa.OSFile(str(file)) as source, pa.ipc.open_file(source) as reader:
                tables.append(reader.read_all())
        except pa.ArrowException as error:
            raise CorruptDataError(f"{file} can't be read as Arrow ({error}): export the run again") from error
    if not tables:
        raise CorruptDataError(f"{folder} has no clips: export the run again")
    return from_table(pa.concat_tables(tables))


def clip_digest(segments: Segments, row: int) -> bytes:
    """A short name for what a clip shows and where it was taken, whatever its id."""
    digest = hashlib.blake2b(digest_size=16)
    for field in (segments.observations, segments.actions, segments.render_states):
        digest.update(np.ascontiguousarray(field[row]).tobytes())
    digest.update(f"{segments.episode_ids[row]}/{segments.first_steps[row]}".encode())
    return digest.digest()
