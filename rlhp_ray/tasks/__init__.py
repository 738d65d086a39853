"""Environments as the method needs them: hidden objectives, sentences for a person, cameras."""

from rlhp_ray.tasks.loading import TASKS, load_task
from rlhp_ray.tasks.rendering import Camera
from rlhp_ray.tasks.task import Task
from rlhp_ray.tasks.video import write_video

__all__ = ["TASKS", "Camera", "Task", "load_task", "write_video"]
