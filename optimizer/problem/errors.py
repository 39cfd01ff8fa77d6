"""The one error of the package."""


class OptimizerError(ValueError):
    """A problem that breaks a rule of its own form: the message names the security, the value and the rule.

    Infeasibility is not an error: it is a `Solution` with conflicts.
    """
