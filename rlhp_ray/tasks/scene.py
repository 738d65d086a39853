"""A MuJoCo model as geometry and poses, which a browser draws: it costs nothing here and is as sharp as its screen.

Segments keep qpos and qvel; where each shape stands follows from them. In the paper (section 2.2) a person compares two
such clips of one to two seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rlhp_ray.tasks.headless import mujoco

if TYPE_CHECKING:
    from rlhp_ray.tasks.rendering import Camera

_SHAPES = {
    mujoco.mjtGeom.mjGEOM_PLANE: "plane",
    mujoco.mjtGeom.mjGEOM_SPHERE: "sphere",
    mujoco.mjtGeom.mjGEOM_CAPSULE: "capsule",
    mujoco.mjtGeom.mjGEOM_ELLIPSOID: "ellipsoid",
    mujoco.mjtGeom.mjGEOM_CYLINDER: "cylinder",
    mujoco.mjtGeom.mjGEOM_BOX: "box",
    mujoco.mjtGeom.mjGEOM_MESH: "mesh",
}
_VISIBLE_GROUPS = 3  # MuJoCo's viewer shows the geoms of groups 0 to 2
POSE_FLOATS = 12  # of a shape: position, then the rotation matrix by rows


class Scene:
    """What is to be drawn of a model, and from where."""

    def __init__(self, model: mujoco.MjModel, camera: Camera) -> None:
        self._model = model
        self._camera = camera
        colours = model.geom_rgba.copy()
        of_material = model.geom_matid >= 0
        colours[of_material] = model.mat_rgba[model.geom_matid[of_material]]
        visible = (model.geom_group < _VISIBLE_GROUPS) & (colours[:, 3] > 0)
        known = np.isin(model.geom_type, [int(shape) for shape in _SHAPES])
        self._geoms = np.flatnonzero(visible & known)
        self._colours = colours

    def geometry(self) -> dict[str, Any]:
        """Shapes with sizes in metres and colours, and the camera, fit for JSON."""
        camera = self._camera
        return {
            "shapes": [self._shape(int(geom)) for geom in self._geoms],
            "camera": {
                "distance": camera.distance,
                "elevation": camera.elevation,
                "azimuth": camera.azimuth,
                "fovy": float(self._model.vis.global_.fovy),
            },
        }

    def poses(self, states: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """[K, 3 + 12 G] of the states [K, nq + nv]: where the camera looks, then each shape's position and rotation."""
        data = mujoco.MjData(self._model)
        poses = np.empty((len(states), 3 + POSE_FLOATS * len(self._geoms)), dtype=np.float32)
        for state, row in zip(states, poses, strict=True):
            data.qpos[:], data.qvel[:] = np.split(state, [self._model.nq])
            mujoco.mj_kinematics(self._model, data)
            row[:3] = self._camera.view(data).lookat
            placed = np.concatenate([data.geom_xpos[self._geoms], data.geom_xmat[self._geoms]], axis=1)
            row[3:] = placed.ravel()
        return poses

    def _shape(self, geom: int) -> dict[str, Any]:
        model = self._model
        shape: dict[str, Any] = {
            "kind": _SHAPES[mujoco.mjtGeom(model.geom_type[geom])],
            "size": [round(float(metres), 5) for metres in model.geom_size[geom]],
            "colour": [round(float(share), 3) for share in self._colours[geom]],
        }
        if shape["kind"] == "mesh":
            mesh = int(model.geom_dataid[geom])
            first, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
            face, faces = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
            shape["vertices"] = model.mesh_vert[first : first + count].round(4).ravel().tolist()
            shape["faces"] = model.mesh_face[face : face + faces].ravel().tolist()
        return shape
