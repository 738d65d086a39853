"""Every error that a user can meet, as a tree.

    RlhpRayError                     anything this package raises on purpose; exit status 1
    ├── UserError                    the user's mistake, one sentence with the cure; exit status 2
    │   ├── ConfigError              a config's field, type, file or value
    │   ├── TaskError                an unknown task, an unsupported space, a segment too long
    │   ├── OwnCodeError             a user's own function that is missing, fails or returns something else
    │   └── RunFolderError           a run folder that is used, missing or can't be written
    ├── CorruptDataError             a checkpoint, version or shard whose bytes are not what was written
    ├── Stopped                      the run was told to stop and has written a checkpoint
    ├── ClusterError                 Ray can't be reached or started, or lost what can't be replaced
    ├── SupersededError              another driver has taken the run over; this one may not write any more
    ├── AgentLostError               a learner, or every EnvRunner again and again, died; or one failed
    └── PredictorUnavailableError    no prediction within the time-out and its retries

A message is one sentence (or two) that names the cause and the cure, fit to be printed without a traceback.
"""


class RlhpRayError(Exception):
    """Anything this package raises on purpose."""


class UserError(RlhpRayError):
    """The user's mistake; the message names the cause and the cure."""


class ConfigError(UserError):
    """A config's field, type, file or value is wrong."""


class TaskError(UserError):
    """A task is unknown, or its environment can't be used as it is."""


class OwnCodeError(UserError):
    """A user's own function is missing, fails, or returns something other than it must."""


class RunFolderError(UserError):
    """A run folder is in use, missing or not writable."""


class CorruptDataError(RlhpRayError):
    """Stored bytes are not what was written."""


class Stopped(RlhpRayError):
    """The run was told to stop and has written a checkpoint."""


class ClusterError(RlhpRayError):
    """Ray can't be reached or started, or lost what can't be replaced."""


class SupersededError(RlhpRayError):
    """Another driver has taken the run over."""


class AgentLostError(RlhpRayError):
    """A learner died, an EnvRunner failed, or they die again and again; the run can go on from its last checkpoint."""


class PredictorUnavailableError(RlhpRayError):
    """The reward predictor gave no answer within the time-out and its retries."""
