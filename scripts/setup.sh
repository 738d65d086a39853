#!/usr/bin/env bash
# Makes .venv from requirements.lock, in it moto/ and dm-control/ from tests/*.lock, and sees to it that MuJoCo can render
# without a screen.
#   scripts/setup.sh [COMMAND] [--packages-only]     COMMAND: what to type again after a failure
# A stamp in .venv, written last, says which locks it holds: without it .venv is half-made and is made again.
set -euo pipefail
cd "$(dirname "$0")/.."

again=${1:-make setup}
packages_only=${2:-}

fail() { echo "$1, then type \`$again\` again." >&2; exit 1; }

is_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() { # WHY PACKAGE...: installs Debian packages, or says what to type
    local why=$1; shift
    is_root || fail "$why: as root, type \`apt-get install $*\`"
    echo "$why: installing $* with apt-get" >&2
    local said
    said=$({ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } 2>&1) \
        || { echo "$said" >&2; fail "$why and apt-get could not install it: see its message above, check the network"; }
}

find_python() {
    local name
    for name in "${PYTHON311:-python3.11}" python3; do
        if "$name" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            echo "$name"; return
        fi
    done
    fail "Python 3.11 is missing: install it (Debian, as root: \`apt-get install python3.11 python3.11-venv\`), or name it in PYTHON311"
}

make_venv() {
    local python; python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null || apt_install "Python's venv module is missing" python3.11-venv
    rm -rf .venv
    "$python" -m venv .venv || fail "Python could not make .venv: see its message above"
    echo "Installing $(grep -c == requirements.lock) packages into .venv (a few minutes, once)" >&2
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input -r requirements.lock \
        || fail "The packages of requirements.lock could not be installed: see pip's message above, check the network and the disk"
    local beside
    for beside in moto dm-control; do
        .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --no-deps --target ".venv/$beside" -r "tests/$beside.lock" \
            || fail "The packages of tests/$beside.lock could not be installed: see pip's message above, check the network and the disk"
    done
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e . \
        || fail "rlhp_ray itself could not be installed into .venv: see pip's message above"
}

renders() {
    .venv/bin/python -c 'import sys; from rlhp_ray.cli import doctor
sys.exit(doctor.check_rendering().state is doctor.State.FAILED)'
}

# One set-up at a time: a second one waits, and then finds everything done.
exec 9>.venv.lock
flock 9

stamp=.venv/.packages-$(sha256sum requirements.lock tests/moto.lock tests/dm-control.lock | sha256sum | cut -c1-16)
if ! { [ -e "$stamp" ] && .venv/bin/python -c '' 2>/dev/null; }; then
    make_venv
    touch "$stamp"
fi

if [ -z "$packages_only" ] && ! [ -e .venv/.renders ]; then
    if ! renders; then
        apt_install "A library to render without a screen is missing" libegl1 libgl1-mesa-dri libopengl0
        renders || fail "MuJoCo can't render here even with libegl1 and Mesa: look at \`.venv/bin/rlhp-ray doctor\`"
    fi
    touch .venv/.renders
fi

case $again in *test*)
    command -v chromium >/dev/null || apt_install "Chromium is missing, for the tests of the labelling page" chromium
    /sbin/ldconfig -p | grep -q libOSMesa || apt_install "OSMesa is missing, for the test of drawing without EGL" libosmesa6
    [ -x /sbin/ip ] || apt_install "iproute2 is missing, for the tests of several hosts" iproute2
    if ! command -v prometheus >/dev/null; then
        ! is_root || { mkdir -p /etc/systemd/system; ln -sfn /dev/null /etc/systemd/system/prometheus.service; } # the package would start a server
        apt_install "Prometheus is missing, for the tests of what it reads" prometheus
    fi
esac
