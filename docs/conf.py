"""How Sphinx builds the site: `make site`."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "generated")]

project = "GlobeCo Order Generation"
copyright = "GlobeCo"  # noqa: A001 - Sphinx reads this name
release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "tools.site.pages",
]
root_doc = "index"
highlight_language = "none"  # of blocks that name no language
exclude_patterns = ["openapi.json"]
# A name of ours that leads nowhere is an error; those of others have no page here.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!ordergen_client).*")]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_dmath_allow_digits = False
myst_dmath_allow_space = False
myst_heading_anchors = 4  # headings are linked to as on GitHub
# `math` blocks are fences that GitHub draws, too.
myst_fence_as_directive = ["math"]

default_role = "literal"  # docstrings have names in single backticks
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
napoleon_use_ivar = True
napoleon_numpy_docstring = False
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = project
html_math_renderer = "mathml"
html_logo = html_favicon = "_static/mark.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_search_summary = False  # it would fetch pages, which one that is opened from the disk may not
html_show_copyright = False
html_use_index = False
html_domain_indices = False
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {
        "color-code-background": "#f4f6f9",
        "color-brand-primary": "#005f99",
        "color-brand-content": "#005f99",
        "color-brand-visited": "#5b4a8a",
    },
    "dark_css_variables": {
        "color-brand-primary": "#66bdf0",
        "color-brand-content": "#66bdf0",
        "color-brand-visited": "#b7a7ee",
    },
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
