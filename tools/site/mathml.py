"""Formulas as MathML, which browsers draw themselves: no script, no font, no other origin.

docutils reads TeX and writes MathML, as in its own HTML: https://docutils.sourceforge.io/docs/user/config.html#math-output
"""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

NAME = "mathml"


def setup(app: Sphinx) -> None:
    """Make it a renderer that `html_math_renderer` may name."""
    app.add_html_math_renderer(NAME, (_inline, None), (_block, None))


def _inline(writer: HTML5Translator, node: nodes.math) -> None:
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer: HTML5Translator, node: nodes.math_block) -> None:
    opened = writer.starttag(node, "div", CLASS="math")
    writer.body += [opened, tex2mathml(node.astext(), as_block=True), "</div>\n"]
    raise nodes.SkipNode
