"""A collector that is killed in mid-work: what it acknowledged is there, exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from preference_data import make_collector

from rlhp_ray.preferences import export_answers, read_exported_answers
from rlhp_ray.storage import RunFolder

WORKER = """
import itertools, sys
from preference_data import make_answer, make_collector, make_query
from rlhp_ray.preferences import answer_log
from rlhp_ray.storage import RunFolder
answer_log.COMPACT_FILES = 3
collector = make_collector(RunFolder(sys.argv[1]))
for i in itertools.count(collector.counts().asked):
    query = make_query(2 * i, 2 * i + 1)
    collector.ask([query])
    for lost in collector.lease("ann", 9):
        if collector.answer(make_answer(lost)):
            print(make_answer(lost).answer_id, flush=True)
"""


def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path / "run"))
    acknowledged: list[str] = []
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    for round_ in range(2):
        with open(tmp_path / "acknowledged", "w+") as output:
            command = [sys.executable, "-c", WORKER, folder.address]
            with subprocess.Popen(command, stdout=output, env=environment) as worker:
                while os.fstat(output.fileno()).st_size < 700:
                    assert worker.poll() is None
                    time.sleep(0.002 * (round_ + 1))
                worker.send_signal(signal.SIGKILL)
            output.seek(0)
            acknowledged += output.read().splitlines()[:-1]  # the last line may be cut
    export_answers(folder, tmp_path / "answers.parquet")
    exported = Counter(e.answer.answer_id for e in read_exported_answers(tmp_path / "answers.parquet"))
    assert len(acknowledged) > 100
    assert set(acknowledged) <= exported.keys()
    assert set(exported.values()) == {1}
    assert make_collector(folder).counts().labels == len(exported)
