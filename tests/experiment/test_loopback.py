"""What the processes of a cluster that is started here listen at."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

PROGRAM = """
import json, os, sys
from ray import serve
sys.path[:0] = sys.argv[1:3]
from listening import listening
from serving_versions import publish
from rlhp_ray.config.schema import RayPart, ServingPart
from rlhp_ray.experiment.cluster import connect
from rlhp_ray.serving import deploy
from rlhp_ray.storage import RunFolder
connect(RayPart(num_cpus=2, dashboard=True))
folder = RunFolder(sys.argv[3])
publish(folder, 1)
deploy("alone", folder.address, ServingPart())
print(json.dumps([sorted({address for address, _ in listening(os.getpid())}), len(serve.status().proxies)]))
"""


def test_all_processes_of_a_cluster_that_is_started_here_listen_on_loopback_only(tmp_path: pathlib.Path) -> None:
    environ = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    here = pathlib.Path(__file__).parent
    arguments = [str(here.parent), str(here.parent / "serving"), str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stderr
    found, proxies = json.loads(done.stdout.splitlines()[-1])
    assert found and set(found) <= {"127.0.0.1", "::1"}
    assert proxies == 0  # the predictor is asked without HTTP
