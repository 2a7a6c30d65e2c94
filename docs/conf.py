"""How Sphinx builds the documentation."""

import sys
from pathlib import Path

from dtool_lookup_server._version import __version__

sys.path.append(str(Path(__file__).parent / "_ext"))

project = "dtool lookup server"
copyright = "the authors of dtool-lookup-server"
release = version = __version__

extensions = ["from_code", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "_tools"]
default_role = "literal"

autodoc_member_order = "bysource"
autodoc_typehints = "none"

html_theme = "alabaster"
html_title = f"dtool lookup server {release}"
html_show_sourcelink = False
html_theme_options = {
    "description": "Finds the datasets of a whole group or institute",
    "fixed_sidebar": True,
    # The theme would take a font from another host.
    "font_family": "system-ui, sans-serif",
    "head_font_family": "system-ui, sans-serif",
}
