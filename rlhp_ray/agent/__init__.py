# Before RLlib, which imports MuJoCo where it finds dm_control: it must know by then how to draw without a display.
from rlhp_ray.tasks import headless as headless
