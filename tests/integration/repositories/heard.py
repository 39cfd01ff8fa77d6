"""An observer of the database that notes what it hears."""

import threading


class Heard:
    """Notes what it hears, from any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.operations: list[tuple[str, str, str]] = []
        self.in_use = self.most_in_use = self.waiters = 0
        self.waits: list[float] = []

    def begin_operation(self, operation: str, collection: str) -> "Operation":
        return Operation(self, operation, collection)

    def connections(self, change: int) -> None:
        with self.lock:
            self.in_use += change
            self.most_in_use = max(self.most_in_use, self.in_use)

    def waiting(self, change: int) -> None:
        with self.lock:
            self.waiters += change

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)


class Operation:
    def __init__(self, heard: Heard, operation: str, collection: str) -> None:
        self.heard, self.what = heard, (operation, collection)

    def end(self, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.heard.operations.append((*self.what, outcome))
