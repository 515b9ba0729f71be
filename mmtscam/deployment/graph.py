"""The model as an exported file computes it."""

from typing import Any

from mmengine.model import BaseModel
from torch import Tensor, nn

from mmtscam.localization import aggregate_attention, localization_maps
from mmtscam.models.heads import Activation, BaseLocHead, TSCAMHead
from mmtscam.models.layers import ClassAttentionMixin

# Under which a file keeps what is not in its graph, as JSON.
METADATA_KEY = 'mmtscam'


class ExportModel(nn.Module):
    """What an exported file computes; apart from the model, which stays as it is.

    Normalises with the model's own mean and standard deviation, so that who
    runs the file needs no constants, and makes the maps of all classes.

    Args:
        model: A classifier of mmpretrain's with one of our heads; put into
            evaluation.

    Raises:
        ValueError: If the head gives no maps of all classes at once.
    """

    def __init__(self, model: BaseModel) -> None:
        super().__init__()
        head = model.head
        if not isinstance(head, BaseLocHead) or type(head).select_maps is not BaseLocHead.select_maps:
            raise ValueError(
                f'{type(head).__name__} cannot be exported: it does not make the maps of all classes at once; '
                'TSCAMHead, ClassTokenHead, CAMHead and SPGHead do'
            )
        self.model = model.eval()

    @property
    def head(self) -> BaseLocHead:
        """The model's head."""
        return self.model.head

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of what :meth:`forward` returns."""
        with_attention = isinstance(self.model.backbone, ClassAttentionMixin)
        return ('scores', 'maps', 'attention') if with_attention else ('scores', 'maps')

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Classify and localise.

        Args:
            images: ``(B, 3, H, W)`` ``float32`` RGB in 0 to 255.

        Returns:
            ``scores`` ``(B, C)`` that sum to 1; ``maps`` ``(B, C, h, w)``, of
            the head's ``map_mode`` (coupled: Eqs. 6 and 7); where the backbone
            has class attention, ``attention`` ``(B, h, w)``, A*.
        """
        prepare = self.model.data_preprocessor
        inputs = images if prepare.to_rgb else images.flip(1)
        if prepare._enable_normalize:
            inputs = (inputs - prepare.mean) / prepare.std
        activation = self._activate(self.model.extract_feat(inputs))
        scores = activation.logits.softmax(dim=1)
        attention, semantic = activation.attention, activation.semantic
        if attention is None:
            assert semantic is not None  # one of the two is there
            return scores, semantic
        if semantic is None:
            return scores, attention.unsqueeze(1).expand(-1, scores.shape[1], -1, -1).contiguous(), attention
        return scores, localization_maps(attention, semantic)[self.head.map_mode], attention

    def _activate(self, feats: Any) -> Activation:
        """As the head does, but with all semantic maps; their means are the logits then (Eq. 4)."""
        if not isinstance(self.head, TSCAMHead):
            return self.head.activate(feats)
        semantic = self.head.semantic_maps(feats)
        logits = semantic.mean(dim=(2, 3))
        if self.head.fc is not None:
            logits = logits + self.head.fc(feats.pooled)
        return Activation(logits, semantic, aggregate_attention(feats.attention))
