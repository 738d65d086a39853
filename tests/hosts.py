"""Hosts on this machine: network, processes and disks of its own each, joined by a switch; lost with all on them.

Linux's namespaces make them, so it takes root. Nothing of them is seen from outside, and nothing is left: what a host
is made of is gone with its first process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

SHARED_MEMORY = "600m"
FIRST = """
set -e
mount -t tmpfs tmpfs "$1"
mount -t tmpfs -o size=%s tmpfs /dev/shm
ip link set lo up
echo ready
while :; do sleep 1000 & wait $!; done
"""  # bash, since a first process has to wait for those whose parents are gone
CLONE_NEWNET = 0x40000000  # Linux's sched.h
FETCH = "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1], timeout=60).read())"


def hosts_problem() -> str | None:
    """Why this machine can't have any; None where it can."""
    if os.geteuid() != 0:
        return "hosts of their own take root"
    tried = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True)
    return f"no namespaces here: {tried.stderr.strip()}" if tried.returncode else None


class Host:
    """One of them."""

    def __init__(self, number: int, switch: int, disk: pathlib.Path) -> None:
        """`switch`: a process in the switch's network; `disk`: the folder that is this host's own, empty at first."""
        self.address = f"10.77.0.{number}"
        self._port, self._switch = f"port{number}", switch
        self._started: list[subprocess.Popen[bytes]] = []
        namespaces = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        self._outside = subprocess.Popen(
            ["unshare", *namespaces, "bash", "-c", FIRST % SHARED_MEMORY, "bash", str(disk)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._outside.stdout is not None and self._outside.stdout.readline() == "ready\n", "no host"
        children = pathlib.Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children")
        self._first = int(children.read_text().split()[0])
        _plug_in(self._first, switch, self._port, self.address)

    def command(self, command: Sequence[str]) -> list[str]:
        """What to type outside to have this run here."""
        return ["nsenter", "-t", str(self._first), "-n", "-m", "-p", "--wd=.", "--", *command]

    def run(self, *command: str, env: Mapping[str, str] | None = None, cwd: pathlib.Path | None = None) -> str:
        """Run it here; what it says. AssertionError where it fails."""
        done = subprocess.run(
            self.command(command), env={**os.environ, **(env or {})}, cwd=cwd, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, *command: str, env: Mapping[str, str] | None = None) -> None:
        """Run it here until it ends, or the host."""
        started = subprocess.Popen(
            self.command(command),
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._started.append(started)

    def fetch(self, url: str) -> str:
        """What this address answers to somebody here."""
        return self.run(sys.executable, "-c", FETCH, url)

    def cut(self) -> None:
        """Its cable is drawn: what it sends and what is sent to it is lost."""
        _ip(self._switch, "link", "set", self._port, "down")

    def join(self) -> None:
        """Its cable is back."""
        _ip(self._switch, "link", "set", self._port, "up")

    def outside(self, inside: int) -> int | None:
        """What a process is called outside that this host calls so; None where it has none."""
        mine = os.stat(f"/proc/{self._first}/ns/pid").st_ino
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (folder / "ns" / "pid").stat().st_ino != mine:
                    continue
                (names,) = (line for line in (folder / "status").read_text().splitlines() if line.startswith("NSpid:"))
                if names.split()[-1] == str(inside):
                    return int(folder.name)
        return None

    def kill(self) -> None:
        """It is lost, with every process on it and its disk."""
        self._outside.kill()  # and with it, by the kernel, its first process and so all others
        self._outside.wait()
        assert self._outside.stdout is not None
        self._outside.stdout.close()
        for started in self._started:
            started.wait()


@contextlib.contextmanager
def a_switch() -> Iterator[int]:
    """A process in a network that joins others."""
    switch = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        here = os.stat("/proc/self/ns/net").st_ino
        while os.stat(f"/proc/{switch.pid}/ns/net").st_ino == here:
            time.sleep(0.01)
        _ip(switch.pid, "link", "add", "switch", "type", "bridge")
        _ip(switch.pid, "link", "set", "switch", "up")
        yield switch.pid
    finally:
        switch.kill()
        switch.wait()


@contextlib.contextmanager
def hosts(count: int, disk: pathlib.Path) -> Iterator[list[Host]]:
    """So many hosts that reach one another; `disk` is an empty folder that each of them sees as its own."""
    with a_switch() as switch, contextlib.ExitStack() as lost:
        made = []
        for number in range(1, count + 1):
            made.append(Host(number, switch, disk))
            lost.callback(made[-1].kill)
        yield made


def join_network(switch: int, number: int) -> str:
    """Have this process, and what it starts from now on, be on the switch too and nowhere else; its address there."""
    libc = ctypes.CDLL(None, use_errno=True)  # of this thread, and what it starts; os.unshare comes with Python 3.12
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network of its own")
    _ip(os.getpid(), "link", "set", "lo", "up")
    address = f"10.77.0.{number}"
    _plug_in(os.getpid(), switch, f"port{number}", address)
    return address


def _plug_in(process: int, switch: int, port: str, address: str) -> None:
    _ip(process, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", str(switch))
    _ip(switch, "link", "set", port, "master", "switch", "up")
    _ip(process, "address", "add", f"{address}/24", "dev", "eth0")
    _ip(process, "link", "set", "eth0", "up")


def _ip(process: int, *words: str) -> None:
    """In the network of this process."""
    subprocess.run(["nsenter", "-t", str(process), "-n", "ip", *words], check=True)
