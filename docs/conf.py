"""The configuration of the documentation site: ``make docs`` builds it, warnings being errors."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "src")]

project = "nfsrdma"
author = "the nfsrdma developers"
release = version = installed_version("nfsrdma")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_click",
    "sphinx_copybutton",
    "wire_diagram",
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["out"]

# The signature says the types; members stand as the source has them.
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_type_aliases = {"StrOrBytesPath": "StrOrBytesPath"}
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "show-inheritance": True, "undoc-members": False}

html_theme = "furo"
html_title = f"nfsrdma {release}"
html_static_path = ["_static"]
html_css_files = ["wire.css"]
html_show_copyright = False
copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True
