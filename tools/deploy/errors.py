"""Why a deployment did not come about.

DeployError
├── RenderFailed        the overlay cannot be rendered
├── Invalid             it is not what Kubernetes takes, by its schemas
├── Locked              another deployment is under way, or nothing keeps one out
├── Refused             the cluster refuses it, tried without effect
├── NotCompared         the cluster cannot say what would change
├── Declined            who was asked said no
├── ApplyFailed         it was applied in part, or not at all
├── NotReady            what was applied did not become ready in time
├── SmokeFailed         it is ready and does not answer as it should
├── LockLost            another deployment has taken over
└── RollbackFailed      what ran before could not be brought back

Each has an exit code of its own, so that a pipeline can tell them apart.
"""


class DeployError(Exception):
    """A deployment did not come about; the message says why."""

    code: int


class RenderFailed(DeployError):
    """Nothing has been asked of the cluster."""

    code = 10


class Invalid(DeployError):
    """Nothing has been asked of the cluster."""

    code = 11


class Locked(DeployError):
    """Nothing has been changed."""

    code = 12


class Refused(DeployError):
    """Nothing has been changed."""

    code = 13


class NotCompared(DeployError):
    """Nothing has been changed."""

    code = 14


class Declined(DeployError):
    """Nothing has been changed."""

    code = 15


class ApplyFailed(DeployError):
    """Something may have been changed."""

    code = 20


class NotReady(DeployError):
    """Everything has been changed."""

    code = 21


class SmokeFailed(DeployError):
    """Everything has been changed."""

    code = 22


class LockLost(DeployError):
    """Something may have been changed, and another deployment changes more."""

    code = 23


class RollbackFailed(DeployError):
    """Nobody knows what runs."""

    code = 30


#: Ctrl-C or SIGTERM, as shells have it.
INTERRUPTED = 130
