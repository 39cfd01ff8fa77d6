"""What the contract says of its services, methods, messages, fields and values.

Descriptors have no comments when a program runs. `python -m tools.openapi generate` takes them from the
protos, and writes them beside this module.
"""

import json
import re
from importlib import resources

FILE = "comments.json"


def comments() -> dict[str, str]:
    """Each comment by the full name of what it is about."""
    text = resources.files(__package__).joinpath(FILE).read_text()
    found: dict[str, str] = json.loads(text)
    return found


def first_sentence(text: str) -> str:
    """A comment's first sentence, without its full stop."""
    return re.split(r"\.(?:\s|$)", text, maxsplit=1)[0].replace("\n", " ")
