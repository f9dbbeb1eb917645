"""Messages as text."""

import re


def exactly(*lines: str) -> str:
    """A pattern for `pytest.raises(match=...)`: the whole message, line by line."""
    return rf"\A{re.escape(chr(10).join(lines))}\Z"
