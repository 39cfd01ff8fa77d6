"""What a deployment tells: lines for eyes as it goes on, or one JSON document at its end."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """What runs in the cluster, as far as the deployment had to do with it."""

    UNCHANGED = "unchanged"  # what ran before, untouched
    DEPLOYED = "deployed"
    ROLLED_BACK = "rolled back"  # what ran before, brought back and ready
    KEPT = "kept"  # what was deployed, although it failed
    UNKNOWN = "unknown"  # what ran before, or what is deployed, or some of both


@dataclass(slots=True)
class Progress:
    """The steps of one deployment, each with what came of it."""

    as_json: bool
    state: State = State.UNCHANGED
    steps: list[dict[str, object]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tell of a step, and of how it ended and when."""
        began, outcome = time.monotonic(), "failed"
        self.say(f"{name} ...")
        try:
            yield
            outcome = "done"
        finally:
            seconds = round(time.monotonic() - began, 1)
            self.steps.append({"step": name, "outcome": outcome, "seconds": seconds})
            self.say(f"{name}: {outcome} after {seconds} s")

    def say(self, line: str) -> None:
        """Tell something now; beside a JSON document, on standard error."""
        self.lines.append(line)
        print(line, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def finish(self, code: int, error: str | None) -> None:
        """Tell what came of everything."""
        if self.as_json:
            document = {"state": self.state, "code": code, "error": error, "steps": self.steps}
            print(json.dumps(document), flush=True)
        else:
            if error:
                print(f"FAILED: {error}", file=sys.stderr)
            print(f"State: {self.state}.", flush=True)
