"""What Sphinx puts into pages of docs/ that is in no file of theirs.

A page says `<!-- made: contract -->`, in a line of its own, where that is to stand: a comment to all other
readers. Pages that have others below them, and are read outside the site too, get the list of those here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from sphinx.application import Sphinx

from tools.site import docstrings, mathml
from tools.site.commands import commands
from tools.site.contract import contract
from tools.site.failures import failures

MADE: Final[Mapping[str, Callable[[], str]]] = {
    "contract": contract,
    "commands": commands,
    "errors": failures,
    "exceptions": docstrings.exceptions,
}
#: The pages below a page, by its name and a pattern beside it.
BELOW: Final = {"decisions/README": "[0-9]*", "runbooks": "runbooks/*"}
_MARK = re.compile(r"(?m)^<!-- made: (\w+) -->$")


def whole(docname: str, text: str) -> str:
    """The text of a page with what is made. Raises KeyError where nobody makes it."""
    text = _MARK.sub(lambda found: MADE[found[1]](), text)
    if docname in BELOW:
        text += f"\n```{{toctree}}\n:hidden:\n:glob:\n\n{BELOW[docname]}\n```\n"
    return text


def _read(_app: Sphinx, docname: str, source: list[str]) -> None:
    source[0] = whole(docname, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Have it done for every page that is read."""
    app.connect("source-read", _read)
    docstrings.setup(app)
    mathml.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
