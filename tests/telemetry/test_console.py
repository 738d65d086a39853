"""What a person sees, in a log and on a terminal."""

from __future__ import annotations

import io
import itertools

import pytest

from rlhp_ray.telemetry import Console, Progress
from rlhp_ray.telemetry.console import HEADER_EVERY_LINES
from rlhp_ray.telemetry.progress import clock, seconds_left

FULL = Progress(
    activity="training",
    env_steps=12_345,
    env_steps_budget=100_000,
    labels=50,
    labels_budget=200,
    env_steps_per_second=2345.6,
    true_return=1300.25,
    predicted_return=-0.5,
    fresh_accuracy=0.874,
    reward_version=7,
)
EMPTY = Progress(activity="first rollouts", env_steps=0, env_steps_budget=100_000, labels=0, labels_budget=200)


def ticking() -> Console:
    """A console on a log, where each look at the clock is ten seconds later."""
    return Console("demo", stream=io.StringIO(), now=itertools.count(0.0, 10.0).__next__)


def written(console: Console) -> str:
    stream = console._rich.file
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_a_secret_is_for_a_terminal_and_never_in_a_log() -> None:
    log, terminal = io.StringIO(), io.StringIO()
    Console("demo", stream=log).whisper("the secret", "ask for it")
    with Console("demo", stream=terminal, live=True) as console:
        console.whisper("the secret", "ask for it")
    assert "ask for it" in log.getvalue() and "secret" not in log.getvalue()
    assert "the secret" in terminal.getvalue()


def test_a_log_has_aligned_lines_and_now_and_then_the_header() -> None:
    console = ticking()
    for _ in range(HEADER_EVERY_LINES + 1):
        console.update(FULL)
    console.update(EMPTY)
    lines = written(console).splitlines()
    assert [i for i, line in enumerate(lines) if "env steps" in line] == [0, HEADER_EVERY_LINES + 1]
    header, full, empty = lines[0], lines[1], lines[-1]
    for name, value in (
        ("env steps", "12,345"),
        ("labels", "50/200"),
        ("true return", "1,300.2"),
        ("accuracy", "87 %"),
    ):
        end = header.index(name) + len(name)
        assert full[:end].endswith(value)
        assert not full[end:].startswith(tuple("0123456789"))
    assert full.endswith("  training") and full.index("training") == header.index("now")
    assert empty.count(" - ") >= 4 and empty.endswith("first rollouts")
    assert "\x1b" not in written(console)


def test_sentences_and_paths_in_a_log_are_never_broken() -> None:
    console = ticking()
    sentence = "word " * 60 + "end"
    console.say(sentence)
    console.finish({"env_steps": 5}, {"Video": "runs/" + "x" * 200})
    assert sentence in written(console).splitlines()
    assert "Video: runs/" + "x" * 200 in written(console).splitlines()


def test_the_summary_is_a_table() -> None:
    console = ticking()
    summary = {
        "task": "hopper",
        "env_steps": 123456,
        "answers": {"left": 1, "right": 2},
        "success": None,
        "share": 0.01234,
    }
    console.finish(summary, {})
    text = written(console)
    for name, value in (
        ("task", "hopper"),
        ("env steps", "123,456"),
        ("answers", "left 1, right 2"),
        ("success", "-"),
        ("share", "0.012"),
    ):
        assert any(name in line and value in line for line in text.splitlines()), name


@pytest.mark.parametrize("columns", [30, 46, 80, 200])
def test_the_live_view_shows_everything_at_any_width(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "40")
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    with Console("demo", stream=stream, live=True) as console:
        console.update(FULL)
        text = stream.getvalue()
        for value in ("training", "12,345", "50 / 200", "2,346", "1,300.2", "-0.5", "87 %", "7"):
            assert value in text, value
        console.say("A sentence above the view.")
        assert "\x1b[?25l" in stream.getvalue()  # the cursor is hidden ...
    assert stream.getvalue().rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in stream.getvalue()  # ... and comes back
    assert "A sentence above the view." in " ".join(stream.getvalue().split())


def test_quiet_says_nothing() -> None:
    stream = io.StringIO()
    with Console("demo", stream=stream, quiet=True, live=True) as console:
        console.update(FULL)
        console.say("x")
        console.finish({"a": 1}, {"b": "c"})
    assert stream.getvalue() == ""


def test_time_left_is_the_longer_of_both_budgets() -> None:
    begun = Progress("", env_steps=1_000, env_steps_budget=10_000, labels=10, labels_budget=20)
    assert seconds_left(begun, begun, 0.0) is None
    steps_only = Progress("", env_steps=2_000, env_steps_budget=10_000, labels=10, labels_budget=20)
    assert seconds_left(begun, steps_only, 10.0) == 80.0
    slow_labels = Progress("", env_steps=10_000, env_steps_budget=10_000, labels=11, labels_budget=20)
    assert seconds_left(begun, slow_labels, 10.0) == 90.0


def test_clock() -> None:
    assert [clock(s) for s in (0, 59.6, 3723, None, float("nan"))] == ["00:00", "01:00", "1:02:03", "-", "-"]
