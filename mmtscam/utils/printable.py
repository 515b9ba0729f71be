"""Text that others wrote, for a terminal and for a spreadsheet."""

import re
from reprlib import Repr

# Control characters and what breaks or turns lines, which a terminal would obey, and halves of pairs, which it refuses.
_CONTROL = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
# A spreadsheet takes a cell that begins so for a formula; the last ones are the wide letters of East Asian keyboards.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")

_SHORT = Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 4, 200, 200
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 20


def shown(value: object) -> str:
    """A value of a file for a message: as ``repr`` has it, without the inside of what is long or deep."""
    return _SHORT.repr(value)


def printable(text: str) -> str:
    r"""Write control characters as Python does, so that a name cannot move the cursor or begin a line.

    Examples:
        >>> print(printable('a\x1b[2Jb'))
        a\x1b[2Jb
    """
    return _CONTROL.sub(lambda found: found[0].encode('unicode_escape').decode(), text)


def one_line(text: str, most: int = 2000) -> str:
    """A message on one line that can be read, whatever a file has put into it.

    Args:
        text: The message.
        most: Characters of the line; the middle of a longer one is left out.
    """
    line = printable(' '.join(text.split('\n')))
    return line if len(line) <= most else f'{line[: most // 2]} ... {line[-most // 2 :]}'


def as_cell(value: object) -> object:
    """A value for a CSV file; text that a spreadsheet would take for a formula gets an apostrophe before it.

    Examples:
        >>> as_cell('=1+1'), as_cell(-1), as_cell('a')
        ("'=1+1", -1, 'a')
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def from_cell(text: str) -> str:
    """The text of which :func:`as_cell` made a cell."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
