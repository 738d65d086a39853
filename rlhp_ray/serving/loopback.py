"""Where a Serve replica listens for requests of other deployments, which are pickles: nobody else may reach it.

Serve 2.60 opens this port at every address of the machine and has no setting for it. Requests here come as calls of the
replica's actor, never that way.
"""

from __future__ import annotations

from typing import Any

from ray.serve._private import replica

LOOPBACK = "127.0.0.1"
_replica: Any = replica  # whose names aren't exported
_add_port = _replica.add_port_to_grpc_server


def listen_on_loopback() -> None:
    """Called in a replica before Serve opens the port: when the deployment's object is made."""
    _replica.add_port_to_grpc_server = _add_loopback_port


def _add_loopback_port(server: Any, address: str) -> Any:
    return _add_port(server, address.replace("[::]", LOOPBACK))
