"""The coupling of attention and semantics."""

from torch import Tensor


def couple_maps(attention: Tensor, semantic: Tensor) -> Tensor:
    """Coupled maps of some classes: M_c = A* x S_c, element by element (Eq. 7).

    S_c is raw and may be negative. The paper's text adds "and addition"; the
    released code only multiplies.

    Reference: Gao et al., "TS-CAM", ICCV 2021, Eq. 7.

    Args:
        attention: ``(..., h, w)`` tensor A*.
        semantic: ``(..., k, h, w)`` tensor of semantic maps S_c.

    Returns:
        ``(..., k, h, w)`` tensor.
    """
    return attention.unsqueeze(-3) * semantic
