"""MuJoCo made ready before anything else imports it: drawing without a display, and its warnings in Python's log.

Every module of this room that needs MuJoCo imports it from here, so that `MUJOCO_GL` is chosen in one place.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys

__all__ = ["choose_gl", "mujoco"]

_log = logging.getLogger(__name__)


def choose_gl() -> str | None:
    """`egl` where EGL knows a device, else `osmesa` where that library is there, else None: MuJoCo's own choice."""
    if _egl_devices() > 0:
        return "egl"
    return "osmesa" if _library("libOSMesa.so.8") or _library("libOSMesa.so.6") else None


def _library(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def _egl_devices() -> int:
    # Asked by hand, since PyOpenGL can't turn to OSMesa any more once it has tried EGL.
    egl = _library("libEGL.so.1")
    if egl is None:
        return 0
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    address = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    if not address:
        return 0
    query = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))(address)
    count = ctypes.c_int(0)
    return count.value if query(0, None, ctypes.byref(count)) else 0


def _warn(message: str) -> None:
    # Deprecations concern the authors of Gymnasium's models, nobody else.
    _log.log(logging.DEBUG if "deprecated" in message else logging.WARNING, "MuJoCo: %s", message)


_has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
if sys.platform == "linux" and not _has_display and "MUJOCO_GL" not in os.environ:
    _gl = choose_gl()
    if _gl is not None:
        os.environ["MUJOCO_GL"] = _gl

import mujoco  # noqa: E402  MUJOCO_GL is read when it is imported

# Without this, MuJoCo writes MUJOCO_LOG.TXT into whatever folder the process stands in.
mujoco.set_mju_user_warning(_warn)
