"""The preference model: Bradley-Terry on the undiscounted sum of predicted reward, and its loss.

Christiano et al. 2017, section 2.2.3. Shapes: M members, B preferences.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def preference_loss(first: Tensor, second: Tensor, target: Tensor, error_probability: float) -> Tensor:
    """Cross-entropy [M, B] of the targets under the predicted returns of both segments.

    `first`, `second`: returns [M, B]. `target` [B]: probability that the first is better: 1, 0, or 1/2 for equal.
    P(first better) = (1 - e) * softmax + e * 1/2: the person errs at random with probability e (0.1 in the paper), so a
    wrong answer costs a bounded loss, however sure the predictor is.
    """
    difference = first - second
    if error_probability == 0.0:
        log_first, log_second = functional.logsigmoid(difference), functional.logsigmoid(-difference)
    else:
        # in the log domain, so that a sure predictor's loss and gradient stay finite
        log_sane, log_error = math.log1p(-error_probability), torch.tensor(math.log(error_probability / 2))
        log_first = torch.logaddexp(functional.logsigmoid(difference) + log_sane, log_error)
        log_second = torch.logaddexp(functional.logsigmoid(-difference) + log_sane, log_error)
    return -(target * log_first + (1 - target) * log_second)
