"""The model as an exported file computes it."""

from mmengine.model import BaseModel
from torch import Tensor, nn

from mmtscam.models.heads import BaseLocHead
from mmtscam.models.refinements import BaseGradientMap

# The key under which a file keeps its metadata, as JSON.
METADATA_KEY = 'mmtscam'


class ExportModel(nn.Module):
    """The function of an exported file, as a wrapper that leaves the model unchanged.

    It makes the maps of all classes. It normalises with the model's own mean
    and standard deviation, so that users of the file need no constants.

    Args:
        model: A classifier of mmpretrain's with a head that makes maps; it is
            put into evaluation.

    Raises:
        ValueError: If the head makes no maps, or makes them from gradients.
    """

    def __init__(self, model: BaseModel) -> None:
        super().__init__()
        if not isinstance(model.head, BaseLocHead):
            raise ValueError(f'{type(model.head).__name__} cannot be exported: it makes no maps (no BaseLocHead)')
        if isinstance(model.head.refine, BaseGradientMap):
            raise ValueError(
                f'{type(model.head.refine).__name__} cannot be exported, since a graph has no gradients: leave '
                'model.head.refine out'
            )
        self.model = model.eval()

    @property
    def head(self) -> BaseLocHead:
        """The model's head."""
        return self.model.head

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs of :meth:`forward`."""
        return ('scores', 'maps', *(kind.name for kind in self.head.map_kinds if kind.class_agnostic))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Classify and localise.

        Args:
            images: ``(B, 3, H, W)`` ``float32`` RGB in 0 to 255.

        Returns:
            ``scores`` ``(B, C)`` that sum to 1; ``maps`` ``(B, C, h, w)`` of
            the kind that the head localises with; and the map of each
            class-agnostic kind under the kind's name, ``(B, h, w)``.
        """
        prepare = self.model.data_preprocessor
        inputs = images if prepare.to_rgb else images.flip(1)
        if prepare._enable_normalize:
            inputs = (inputs - prepare.mean) / prepare.std
        return self.outputs(inputs)

    def outputs(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """The outputs of :meth:`forward` for normalised images ``(B, 3, H, W)``."""
        head = self.head
        feats = self.model.extract_feat(inputs)
        prepared = head.prepare(feats)
        scores = head.logits(prepared).softmax(dim=1)
        # A runtime may have no half precision.
        maps = {name: each.float() for name, each in head.all_maps(feats, prepared).items()}
        agnostic = {kind.name: maps[kind.name] for kind in head.map_kinds if kind.class_agnostic}
        chosen = maps[head.settings.map_kind]
        if head.settings.map_kind in agnostic:
            chosen = chosen.unsqueeze(1).expand(-1, scores.shape[1], -1, -1).contiguous()
        return scores, chosen, *agnostic.values()
