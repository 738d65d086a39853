"""Writes docs/images/atari.png: of each of the paper's games what the agent sees, beside what a person is shown.

    .venv/bin/python scripts/contact_sheet.py

Left of each pair the newest of the agent's frames, scores and telling counters black; right the colour frame of the
same moment, in 4:3. The moments: at the beginning, and after a minute and some minutes of random play.
"""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image, ImageDraw

from rlhp_ray.tasks import load_task
from rlhp_ray.tasks.atari import ATARI, AtariTask
from rlhp_ray.types import Array

SHEET = pathlib.Path(__file__).parents[1] / "docs" / "images" / "atari.png"
MOMENTS = (20, 700, 2500)  # steps, or as soon after as a score is on the screen
HEIGHT, WIDTH = 168, 224  # of a colour frame; the agent's are squares of the same height
GAP, LABEL = 6, 16  # pixels


def moments(name: str) -> list[tuple[Array, Array]]:
    """The agent's frame [84, 84] and the colour frame [HEIGHT, WIDTH, 3] of each moment."""
    task = load_task(name)
    assert isinstance(task, AtariTask)
    blanked = task.game.blanked
    environments = task.environments(1, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    found: list[tuple[Array, Array]] = []
    step = 0
    while len(found) < len(MOMENTS):
        screen = environments.states[0]
        shown = all(np.ptp(screen[top:bottom, left:right]) for top, bottom, left, right in blanked)
        if shown and step >= MOMENTS[len(found)]:
            clip = task.render(environments.states, width=WIDTH, height=HEIGHT)
            found.append((environments.frames[0].copy(), clip[0]))
        # the car has to drive, else nothing happens
        action = 1 if name == "enduro" and step % 8 else rng.integers(task.action_space.n)  # type: ignore[attr-defined]  # Discrete
        environments.step(np.array([action]))
        step += 1
    environments.close()
    return found


def main() -> None:
    """Play the games and write the sheet."""
    pair = HEIGHT + WIDTH + GAP
    size = (len(MOMENTS) * pair + (len(MOMENTS) - 1) * 3 * GAP, len(ATARI) * (HEIGHT + LABEL))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for row, name in enumerate(ATARI):
        top = row * (HEIGHT + LABEL)
        draw.text((0, top + 2), f"{name}: what the agent sees, and what a person sees", fill="black")
        for column, (frame, colour) in enumerate(moments(name)):
            left = column * (pair + 3 * GAP)
            seen = Image.fromarray(frame).resize((HEIGHT, HEIGHT), Image.Resampling.NEAREST)
            sheet.paste(seen.convert("RGB"), (left, top + LABEL))
            sheet.paste(Image.fromarray(colour), (left + HEIGHT + GAP, top + LABEL))
    SHEET.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(SHEET, optimize=True)
    print(f"{SHEET}: {size[0]} x {size[1]} pixels, {SHEET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
