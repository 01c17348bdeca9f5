"""
How the pages are built: Markdown by MyST, dressed by furo, and any warning is an error.
"""

from importlib.metadata import version as installed_version

project = "streampay-export"
author = "The streampay-export maintainers"
project_copyright = author
release = installed_version("streampay-export")
version = release.rpartition(".")[0]

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "decisions/template.md"]
# A diagram stays readable as text; drawing it would load a script from somewhere else.
suppress_warnings = ["misc.highlighting_failure"]

# Types are said in the signature and shown as written there.
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False
default_role = "code"

html_theme = "furo"
html_title = f"{project} {release}"
# Nothing is loaded from anywhere else.
html_show_sphinx = False
