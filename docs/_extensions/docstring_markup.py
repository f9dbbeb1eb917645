"""Reads the Markdown of the docstrings: `$x$`, `$$x$$` and single backticks.

Sphinx reads reStructuredText. Maths becomes its roles and directives, and what stands in
backticks becomes a link if it is a public name, and code if it is not.
"""

import re

from public_symbols import public_symbols

DISPLAY_MATHS = re.compile(r"^( *)\$\$(.+?)\$\$", re.DOTALL | re.MULTILINE)
REFERENCES = re.compile(r"^ *References:\n(.+)", re.DOTALL | re.MULTILINE)
INLINE_MATHS = re.compile(r"\$([^$]+)\$")
CODE = re.compile(r"(?<![`:])`([^`]+)`(?!`)")
EXAMPLE = ">>>"


def to_restructured_text(text):
    """A docstring in reStructuredText; examples stay as they are."""
    text = REFERENCES.sub(lambda m: m[0].replace(".\n", ".\n\n"), text)  # one paragraph each
    paragraphs = re.split(r"(\n[ ]*\n)", text)
    return "".join(p if EXAMPLE in p else _convert(p) for p in paragraphs)


def _convert(paragraph):
    paragraph = CODE.sub(_link_or_code, paragraph)
    paragraph = DISPLAY_MATHS.sub(_display, paragraph)
    return INLINE_MATHS.sub(lambda m: f":math:`{_on_one_line(m[1])}`", paragraph)


def _link_or_code(match):
    code = _on_one_line(match[1])
    target = _targets().get(code.removeprefix("kml."))
    return f"``{code}``" if target is None else f":py:obj:`{code} <{target}>`"


def _display(match):
    return f"{match[1]}.. math::\n\n{match[1]}    {_on_one_line(match[2])}\n"


def _on_one_line(text):
    return " ".join(text.split())


def _targets():
    """Where names lead, with and without the module they are in."""
    targets = {}
    for symbol in public_symbols():
        path = symbol.path.removeprefix("keras_multiloss.")
        targets[path] = targets[path.split(".")[-1]] = symbol.page
    return targets


def _process(app, what, name, obj, options, lines):  # noqa: ARG001 (as Sphinx calls it)
    lines[:] = to_restructured_text("\n".join(lines)).split("\n")


def setup(app):
    app.connect("autodoc-process-docstring", _process, priority=100)  # before napoleon
    return {"parallel_read_safe": True}
