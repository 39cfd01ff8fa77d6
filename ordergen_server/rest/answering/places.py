"""Room for what takes long: so many at once, and others are refused."""

from contextlib import ExitStack
from dataclasses import dataclass


@dataclass(slots=True)
class Places:
    """How many there may be, and are."""

    most: int
    taken: int = 0

    def enter(self, ending: ExitStack) -> bool:
        """Take a place until the ending; False where there is none."""
        if self.taken >= self.most:
            return False
        self.taken += 1
        ending.callback(self._leave)
        return True

    def _leave(self) -> None:
        self.taken -= 1
