"""What the port of the metrics tells."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.limits import PATIENCE


class Scrape:
    """One scrape: samples by name and labels."""

    def __init__(self, port: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
            self.families = list(text_string_to_metric_families(answer.read().decode()))

    @property
    def names(self) -> set[str]:
        """Of every family, and of every sample."""
        samples = {sample.name for family in self.families for sample in family.samples}
        return samples | {name for family in self.families for name in _samples(family.name, family.type)}

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples of a name that have these labels; 0 where there are none."""
        return sum(
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def _samples(family: str, kind: str) -> set[str]:
    """The names of the samples that a family has once something was counted."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(kind, ("",))
    return {f"{family}{suffix}" for suffix in suffixes}
