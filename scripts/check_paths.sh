#!/usr/bin/env bash
# No committed file names a folder of somebody's machine.
set -euo pipefail
cd "$(dirname "$0")/.."
# Ray's container images have their home in /home/ray, which is no one's machine.
pattern='(^|[^A-Za-z0-9_.])/(root|work|Users|home/[a-qs-z])[A-Za-z0-9_.-]*/'
found=$(git grep --no-index --exclude-standard -nIE "$pattern" -- . ':!scripts/check_paths.sh') || true
if [ -n "$found" ]; then
    echo "$found" >&2
    echo "Files name paths of a machine: write relative paths instead." >&2
    exit 1
fi
