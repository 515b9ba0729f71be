"""DeiT whose class attention is passed on by each block (LCTR)."""

from torch import Tensor

from mmtscam.localization import propagated_attention
from mmtscam.registry import MODELS

from .tscam_deit import TSCAMDeiT


@MODELS.register_module()
class LCTRDeiT(TSCAMDeiT):
    """Vision transformer of LCTR: class attention, and how each block passes it on among patches.

    In evaluation ``propagated`` ``(B, L, h, w)`` is one of the further maps of
    :class:`TokenFeatures`, made without an N×N matrix.
    ``attention='always'`` is needed, since the head uses class attention in
    training.

    Reference: Chen et al., "LCTR", AAAI 2022 (relational patch-attention
    module).
    """

    def block_rows(self, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """The propagated class attention of a block; no map is made in training."""
        return {} if self.training else dict(propagated=propagated_attention(query, key))
