"""Programs of ours that refuse to start, within the test: a process of each takes seconds."""

import logging
import os
import sys
from collections.abc import Callable, Mapping

import pytest


def refused(
    main: Callable[[], int],
    program: str,
    settings: Mapping[str, str],
    *,
    patch: pytest.MonkeyPatch,
    printed: pytest.CaptureFixture[str],
    logged: pytest.LogCaptureFixture,
) -> str:
    """All that a program says that does not start with these variables, and no others of ours."""
    for name in [name for name in os.environ if name.startswith("ORDERGEN_")]:
        patch.delenv(name)
    for name, value in settings.items():
        patch.setenv(name, value)
    patch.setattr(sys, "argv", [program])
    with logged.at_level(logging.DEBUG):
        assert main() == 1
    said = printed.readouterr()
    assert said.out == ""
    return said.err + logged.text
