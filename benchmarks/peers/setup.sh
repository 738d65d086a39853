#!/usr/bin/env bash
# Makes the virtual environment of a peer, beside this file.
#   benchmarks/peers/setup.sh stable-baselines3|imitation
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv ".venv-$1"
".venv-$1/bin/pip" install -q --disable-pip-version-check -r "$1.txt"
