"""Settings that cannot be used, in one line for whoever started the program."""

import re

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

from ordergen_server.configuration.secret_files import variable
from ordergen_server.configuration.settings import Settings

_NUMBER = re.compile(r"[-+]?[0-9.]{1,20}")


def told(error: ValidationError, settings: type[BaseSettings] = Settings) -> str:
    """What is wrong with each setting, by the name of its variable."""
    return "; ".join(_named(problem, settings) for problem in error.errors())


def _named(problem: ErrorDetails, settings: type[BaseSettings]) -> str:
    """What is wrong with a setting; its value only where that is no secret.

    A number is none. Anything else may be one that was put in the wrong variable.
    """
    if not problem["loc"]:  # of several settings together
        return problem["msg"].removeprefix("Value error, ")
    name = str(problem["loc"][0])
    rule = f"{variable(settings, name)}: {problem['msg']}"
    is_number = type(settings.model_fields[name].default) in (int, float) and _NUMBER.fullmatch(
        str(problem["input"])
    )
    return f"{rule}, not {problem['input']!r}" if is_number else rule
