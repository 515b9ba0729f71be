"""Conformer that exposes patch tokens and class attention."""

from collections.abc import Sequence
from typing import Any

from mmpretrain.models.backbones import Conformer
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from mmtscam.models.checkpoints import PretrainedMixin
from mmtscam.models.layers import ClassAttentionMixin, fuse_linears
from mmtscam.registry import MODELS

from .input_sides import check_sides
from .token_features import TokenFeatures


@MODELS.register_module()
class TSCAMConformer(ClassAttentionMixin, PretrainedMixin, Conformer):
    """Conformer of TS-CAM: patch features, class attention, pooled conv features.

    It is mmpretrain's ``Conformer`` with the same parameter names. The head
    adds the logits of both branches, see ``pooled_channels`` of
    :class:`~mmtscam.models.TSCAMHead`. With ``drop_path_rate`` mmpretrain also
    drops paths of the convolutional branch; the authors drop only those of
    the transformer.

    Reference: Peng et al., "Conformer", ICCV 2021; the Conformer model in the
    released code of TS-CAM.

    Args:
        arch: ``'tiny'``, ``'small'``, ``'base'``, or a dict of settings.
        attn_layers: The same as for :class:`~mmtscam.models.TSCAMDeiT`.
        attn_impl: The same as for ``TSCAMDeiT``.
        attn_aggregation: The same as for ``TSCAMDeiT``.
        attention: The same as for ``TSCAMDeiT``.
        init_cfg: ``dict(type='Pretrained', checkpoint=...)`` takes an
            original Conformer or TS-CAM file, mmpretrain's or our checkpoint;
            a local path or a URL.
        **kwargs: Further arguments of ``Conformer``.

    Raises:
        ValueError: If ``attn_layers`` names a block that is not there, the
            class token or the last stage is switched off, or an argument is
            not among its choices.
    """

    def __init__(
        self,
        arch: str | dict = 'small',
        attn_layers: Sequence[int] | None = None,
        attn_impl: str = 'fused',
        attn_aggregation: str = 'mean',
        attention: str = 'eval',
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(arch=arch, init_cfg=init_cfg, **kwargs)
        if not self.with_cls_token or list(self.out_indices) != [self.depths]:
            raise ValueError('TS-CAM needs class token and last stage: leave with_cls_token and out_indices out')
        self.expose_attention(self._attentions(), attn_layers, attn_impl, attn_aggregation, attention)
        fuse_linears(self)
        # mmpretrain's forward pass returns the class token alone, but all
        # tokens pass through this norm.
        self.trans_norm.register_forward_hook(self._keep_tokens)
        self._tokens: Tensor | None = None

    def forward(self, x: Tensor) -> TokenFeatures:
        """Compute patch features, pooled features and, where asked for, class attention.

        Args:
            x: ``(B, 3, H, W)`` normalised images; H and W multiples of the
                patch size.

        Returns:
            See :class:`TokenFeatures`.

        Raises:
            ValueError: If H or W is not a multiple of the patch size.
        """
        patch = 4 * self.trans_patch_conv.stride[0]
        check_sides(x, (patch, patch), type(self).__name__)
        size = (x.shape[-2] // patch, x.shape[-1] // patch)
        ((pooled, token),) = super().forward(x)
        tokens, self._tokens = self._tokens, None
        assert tokens is not None  # kept by the hook
        taken = self._attentions(), 1, size
        patches = tokens[:, 1:].transpose(1, 2).unflatten(-1, size)
        return TokenFeatures(patches, self.take_attention(*taken), token, pooled, self.take_block_maps(*taken))

    def _attentions(self) -> list[MultiheadAttention]:
        later = [getattr(self, f'conv_trans_{index}').trans_block.attn for index in range(2, self.fin_stage)]
        return [self.trans_1.attn, *later]

    def _keep_tokens(self, module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        self._tokens = output
