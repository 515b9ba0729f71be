"""A machine with no fonts but those of matplotlib, and one of a test's own."""

import pytest
from matplotlib.font_manager import fontManager

from mmtscam.visualization import drawing, fonts


@pytest.fixture
def bare_fonts(monkeypatch, tmp_path):
    """The folder of the system's fonts, which is empty at first; letters of other scripts have no font then."""
    folder = tmp_path / 'fonts'
    folder.mkdir()
    own = [entry for entry in fontManager.ttflist if 'mpl-data' in entry.fname]
    monkeypatch.setattr(fontManager, 'ttflist', own)
    monkeypatch.setattr(fonts, 'findSystemFonts', lambda: [str(path) for path in folder.iterdir()])
    monkeypatch.setattr(fonts, '_REPORTED', set())
    # Matplotlib keeps what it found too.
    keeping = (fonts._installed, fonts._found, fonts._fallback, drawing._line)
    for each in keeping:
        each.cache_clear()
    yield folder
    for each in keeping:
        each.cache_clear()
