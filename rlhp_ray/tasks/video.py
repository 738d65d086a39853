"""Frames to an MP4 file that any browser plays (H.264, 4:2:0)."""

from __future__ import annotations

import fractions
import pathlib

import numpy as np
import numpy.typing as npt


def write_video(frames: npt.NDArray[np.uint8], file: pathlib.Path, frames_per_second: float) -> None:
    """Write frames [K, H, W, 3] at this pace; an odd last row or column is left out, since 4:2:0 pairs pixels."""
    import av  # here, for the processes of a run that never write a video

    count, height, width, _ = frames.shape
    frames = frames[:, : height - height % 2, : width - width % 2]
    rate = fractions.Fraction(frames_per_second).limit_denominator(1000)
    # faststart: the index comes first, so that a page can play it while it loads.
    with av.open(str(file), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frames[index]), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
