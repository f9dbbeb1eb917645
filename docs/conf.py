"""The site: pages are executed, and warnings are errors."""

import hashlib
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # also for the kernels that run the pages
sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import keras_multiloss

project = "keras-multiloss"
author = "The keras-multiloss authors"
copyright = author
version = release = keras_multiloss.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "docstring_markup",
    "mathml",
    "public_symbols",
]
# The first one is that of the generated pages.
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb"}
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
nitpicky = True

html_theme = "furo"
html_title = f"keras-multiloss {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# The cache itself knows when a page changed; the folder knows when the library did.
SOURCES = sorted(Path(keras_multiloss.__file__).parent.rglob("*.py"))
LIBRARY = hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parents[1] / ".jupyter_cache" / LIBRARY[:12])
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 120
nb_merge_streams = True
# What TensorFlow says about the machine.
nb_output_stderr = "remove"

autosummary_ignore_module_all = False
autodoc_inherit_docstrings = False  # Keras's own, in another markup
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"  # the text of an argument says what it may be
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Shape", "notes_style"), ("References", "notes_style")]
napoleon_use_rtype = False
