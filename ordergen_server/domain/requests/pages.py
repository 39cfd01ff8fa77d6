"""Reading long lists page by page."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ordergen_server.domain.requests.violations import Violations

Item = TypeVar("Item")

DEFAULT_PAGE_SIZE = 50
MAXIMUM_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page: at most `size` items, after `token` (empty: the first), passing over `skip` of them."""

    size: int = 0
    token: str = ""
    skip: int = 0

    @property
    def limit(self) -> int:
        """How many items the page may have: 0 asks for the default, more than the maximum is the maximum."""
        return min(self.size or DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE)

    def check(self, violations: Violations) -> None:
        """Check that nothing is negative."""
        if self.size < 0:
            violations.add("page_size", "must not be negative", self.size)
        if self.skip < 0:
            violations.add("skip", "must not be negative", self.skip)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page; `next_token` is empty on the last one, `total_size` counts over all pages."""

    items: tuple[Item, ...]
    next_token: str = ""
    total_size: int = 0
