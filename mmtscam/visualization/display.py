"""Whether there is a screen on which windows can be opened."""

# Back ends of matplotlib that draw to files alone: a window of theirs would be waited for, and never be seen.
_WITHOUT_WINDOWS = ('agg', 'cairo', 'pdf', 'pgf', 'ps', 'svg', 'template')


def check_display() -> None:
    """Refuse to show pictures, before any is computed, where matplotlib can open no window.

    mmengine's visualizer shows pictures with matplotlib. Without a display, or
    the toolkit for one, it would wait for ever.

    Raises:
        ValueError: If no window can be opened.
    """
    import matplotlib.pyplot as plt

    try:
        plt.close(plt.figure())  # what it draws with is known only then
        name = plt.get_backend()
    except Exception as error:  # each toolkit has its own for a display that is not there
        raise ValueError(
            f'no window can be opened to show pictures: {error}: let them be written (show=False)'
        ) from error
    if name.lower() in _WITHOUT_WINDOWS:
        raise ValueError(
            f'no window can be opened to show pictures, since matplotlib draws with {name} here: there is no display, '
            'no toolkit such as tkinter, or MPLBACKEND says so; let them be written (show=False)'
        )
