"""Videos that a browser plays."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from rlhp_ray.tasks import write_video


def test_a_video_holds_the_frames_at_their_pace(tmp_path: Path) -> None:
    frames = np.zeros((20, 64, 96, 3), dtype=np.uint8)
    frames[:10, ..., 0] = 255  # red, then blue
    frames[10:, ..., 2] = 255
    write_video(frames, tmp_path / "clip.mp4", 31.25)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.average_rate or 0) == pytest.approx(31.25)
        shown = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
    assert shown.shape == frames.shape
    assert np.abs(shown.astype(int) - frames).mean() < 12  # 4:2:0 and compression lose a little


def test_an_odd_row_and_column_are_left_out(tmp_path: Path) -> None:
    write_video(np.full((3, 33, 49, 3), 128, dtype=np.uint8), tmp_path / "odd.mp4", 20.0)
    with av.open(str(tmp_path / "odd.mp4")) as container:
        assert (container.streams.video[0].height, container.streams.video[0].width) == (32, 48)


def test_a_page_can_play_it_while_it_loads(tmp_path: Path) -> None:
    write_video(np.zeros((3, 32, 32, 3), dtype=np.uint8), tmp_path / "clip.mp4", 20.0)
    written = (tmp_path / "clip.mp4").read_bytes()
    assert 0 < written.index(b"moov") < written.index(b"mdat")
