"""What `rlhp-ray export` wrote, used elsewhere: the learned reward in any Gymnasium environment, and the policy.

    from rlhp_ray.exported import ExportedPolicy, LearnedReward

    env = LearnedReward(gymnasium.make("HalfCheetah-v5"), "out/predictor")
    policy = ExportedPolicy("out/policy")

Nothing here needs Ray, nor what else only a run needs: Gymnasium, NumPy, PyTorch and safetensors are enough.
"""

from rlhp_ray.exported.policy import ExportedPolicy
from rlhp_ray.exported.reward import LearnedReward

__all__ = ["ExportedPolicy", "LearnedReward"]
