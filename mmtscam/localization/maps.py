"""Localization maps from attention and semantics."""

from torch import Tensor

MAP_MODES = ('coupled', 'attention', 'semantic')


def localization_maps(attention: Tensor, semantic: Tensor) -> dict[str, Tensor]:
    """The maps of some classes in every mode.

    - ``'coupled'``: M_c = A* x S_c, element by element, with raw S_c that may
      be negative (TS-CAM, Eq. 7; the text adds "and addition", the released
      code only multiplies).
    - ``'attention'``: A*, the same for every class.
    - ``'semantic'``: S_c (Eq. 3).

    Args:
        attention: ``(..., h, w)`` tensor A*.
        semantic: ``(..., c, h, w)`` tensor of semantic maps S_c.

    Returns:
        Mode to ``(..., c, h, w)`` tensor, for the modes in :data:`MAP_MODES`.
    """
    attention = attention.unsqueeze(-3)
    return {
        'coupled': attention * semantic,
        'attention': attention.expand_as(semantic).clone(),
        'semantic': semantic,
    }
