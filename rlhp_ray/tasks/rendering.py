"""Drawing clips from recorded states: a second model, never stepped, is put into each state and filmed.

Segments keep qpos and qvel, so that any clip can be drawn later, at any size, in any process, without a display.
In the paper (section 2.2) a person compares two such clips of one to two seconds.
"""

from __future__ import annotations

import atexit
import copy
import dataclasses
import threading
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from rlhp_ray.errors import TaskError
from rlhp_ray.tasks.headless import mujoco

MAX_PIXELS = 2048  # of a frame's width and height
_SAMPLES = 4  # a pixel; edges without it are jagged
_WALL_COLOUR = (0.53, 0.56, 0.58, 1.0)  # it glows: the frame shows it 1.7 times as bright
_FLOOR_SHADES = (170.0, 235.0)  # what black and white of a chequered floor become
_COSTLY = (
    mujoco.mjtRndFlag.mjRND_SHADOW,
    mujoco.mjtRndFlag.mjRND_REFLECTION,
    mujoco.mjtRndFlag.mjRND_HAZE,
    mujoco.mjtRndFlag.mjRND_SKYBOX,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Camera:
    """Where a task is filmed from: it follows a body over the ground but not in height, so that a jump can be seen."""

    distance: float  # metres to the point looked at
    elevation: float = -15.0  # degrees; -90 looks straight down
    azimuth: float = 90.0  # degrees; 90 has the x axis running to the right
    lookat: tuple[float, float, float] = (0.0, 0.0, 0.0)  # metres; x and y count from the followed body
    body: int = 1  # the body followed; 0, the world, stays in place

    @staticmethod
    def of(env: gymnasium.Env[Any, Any], model: mujoco.MjModel) -> Camera:
        """The camera that a Gymnasium environment brings (`default_camera_config`), else one that sees the model."""
        free = mujoco.MjvCamera()
        mujoco.mjv_defaultFreeCamera(model, free)
        own = getattr(getattr(env.unwrapped, "mujoco_renderer", None), "default_cam_config", None) or {}
        body = max(int(own.get("trackbodyid", min(1, model.nbody - 1))), 0)
        x, y, z = (float(metres) for metres in own.get("lookat", free.lookat))
        return Camera(
            distance=float(own.get("distance", free.distance)),
            elevation=float(own.get("elevation", -20.0)),
            azimuth=float(own.get("azimuth", 90.0)),
            lookat=(0.0, 0.0, z) if body else (x, y, z),
            body=body,
        )

    def view(self, data: mujoco.MjData) -> mujoco.MjvCamera:
        """MuJoCo's camera for this state."""
        view = mujoco.MjvCamera()
        view.distance, view.elevation, view.azimuth = self.distance, self.elevation, self.azimuth
        view.lookat[:] = self.lookat
        view.lookat[:2] += data.xpos[self.body, :2]
        return view


class ClipRenderer:
    """Frames of a MuJoCo model in given states. Any thread may call: each keeps a context of OpenGL of its own.

    To make one costs as much as twenty frames.
    """

    def __init__(self, model: mujoco.MjModel, camera: Camera) -> None:
        self._model = copy.copy(model)
        _brighten(self._model)
        self._camera = camera
        self._own = threading.local()  # renderer, size

    def render(self, states: npt.NDArray[np.float64], width: int, height: int) -> npt.NDArray[np.uint8]:
        """Frames [K, height, width, 3] of the states [K, nq + nv]; TaskError where OpenGL doesn't start."""
        frames = np.empty((len(states), height, width, 3), dtype=np.uint8)
        data = mujoco.MjData(self._model)
        renderer = self._renderer(width, height)
        for state, frame in zip(states, frames, strict=True):
            data.qpos[:], data.qvel[:] = np.split(state, [self._model.nq])
            mujoco.mj_forward(self._model, data)
            view = self._camera.view(data)
            renderer.update_scene(data, view)
            _add_wall(renderer.scene, view)
            renderer.render(out=frame)
        return frames

    def _renderer(self, width: int, height: int) -> mujoco.Renderer:
        if getattr(self._own, "size", None) != (width, height):
            self._close()
            self._own.renderer = self._open(width, height)
            self._own.size = (width, height)
            atexit.register(self._close)
        return self._own.renderer

    def _close(self) -> None:
        """Close this thread's renderer, if it has one."""
        atexit.unregister(self._close)
        if getattr(self._own, "size", None) is not None:
            self._own.size = None
            self._own.renderer.close()

    def _open(self, width: int, height: int) -> mujoco.Renderer:
        if max(width, height) > MAX_PIXELS:
            raise TaskError(f"A frame of {width}x{height} pixels is too large: at most {MAX_PIXELS} each way.")
        self._model.vis.global_.offwidth, self._model.vis.global_.offheight = width, height
        try:
            renderer = mujoco.Renderer(self._model, height, width)
        except Exception as error:  # mujoco, PyOpenGL and GLFW each have their own
            raise TaskError(
                f"Clips can't be drawn, since OpenGL doesn't start here ({error}): "
                "install libegl1 with Mesa, or libosmesa6 and set MUJOCO_GL=osmesa."
            ) from error
        for flag in _COSTLY:  # together four fifths of the time of a frame
            renderer.scene.flags[flag] = 0
        return renderer


def _brighten(model: mujoco.MjModel) -> None:
    # Gymnasium's models are dark, and their floor of black and white flickers in motion.
    model.vis.quality.offsamples = _SAMPLES
    model.vis.quality.shadowsize = 0
    model.vis.headlight.ambient[:] = 0.35 if model.nlight else 0.6
    model.vis.headlight.diffuse[:] = 0.35
    model.vis.headlight.specular[:] = 0.1
    model.light_diffuse[:] = 0.45
    model.light_specular[:] = 0.1
    floors = model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE
    model.geom_rgba[floors, :3] = 1.0
    model.geom_size[floors, 2] = 40.0  # metres between a plane's grid lines: 0.1 makes 100,000 squares to draw
    materials = [material for material in np.unique(model.geom_matid[floors]) if material >= 0]
    model.mat_rgba[materials, :3] = 1.0
    model.mat_specular[materials] = 0.0
    for texture in np.unique(model.mat_texid[materials]):
        if texture >= 0:
            first = model.tex_adr[texture]
            size = model.tex_width[texture] * model.tex_height[texture] * model.tex_nchannel[texture]
            shades = model.tex_data[first : first + size]
            shades[:] = np.interp(shades, (0, 255), _FLOOR_SHADES).astype(np.uint8)


def _add_wall(scene: mujoco.MjvScene, view: mujoco.MjvCamera) -> None:
    # A bright wall behind the body: no black sky, no horizon that flickers.
    eye = scene.camera[0]
    forward, up = np.array(eye.forward, dtype=np.float64), np.array(eye.up, dtype=np.float64)
    position = np.array(eye.pos, dtype=np.float64) + 4.0 * view.distance * forward
    turned = np.stack([np.cross(forward, up), up, -forward], axis=1)
    wall = scene.geoms[scene.ngeom]
    mujoco.mjv_initGeom(
        wall,
        mujoco.mjtGeom.mjGEOM_BOX,
        np.array([100.0, 100.0, 0.01]),
        position,
        turned.ravel(),
        np.array(_WALL_COLOUR, dtype=np.float32),
    )
    wall.emission, wall.specular = 1.0, 0.0
    scene.ngeom += 1
