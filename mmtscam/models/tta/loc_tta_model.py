"""A model that predicts from several views of each image."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmtscam.localization import min_max
from mmtscam.models.heads import BaseLocHead, LocSettings, localize
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample


@MODELS.register_module()
class LocTTAModel(BaseTTAModel):
    """Joins the predictions for the views that ``LocViews`` makes of an image.

    The scores are the mean over the views' softmax; over the crops' alone, if
    there are crops. The classes are chosen by it. Their maps in the views of
    the whole image are turned back, normalised to [0, 1] each, brought to the
    finest grid among them, and averaged, and boxes are drawn from the mean by
    the protocol as usual. Maps of one grid and bilinear interpolation give
    what averaging in the protocol's frame would, in a fraction of the memory.

    Args:
        module: A classifier with a head of this package, or its config.
        **kwargs: Further arguments of mmengine's ``BaseTTAModel``.

    Raises:
        ValueError: If its head makes no maps.
    """

    def __init__(self, module: nn.Module | dict, **kwargs: Any) -> None:
        super().__init__(module, **kwargs)
        if not isinstance(self.network.head, BaseLocHead):
            raise ValueError(
                f'test-time augmentation joins maps, and {type(self.network.head).__name__} makes none (no BaseLocHead)'
            )
        self.data_preprocessor = _EachView(self.network.data_preprocessor)

    @property
    def network(self) -> Any:
        """The classifier itself."""
        return self.module.module if is_model_wrapper(self.module) else self.module

    @property
    def head(self) -> BaseLocHead:
        """The classifier's head."""
        return self.network.head

    def test_step(self, data: dict) -> list[LocDataSample]:
        """Predict a batch.

        Args:
            data: ``inputs``, for each view ``(B, 3, H, W)`` or a list of B
                images, and ``data_samples``, for each view B samples.

        Returns:
            The samples of the first view, filled in.
        """
        return self.predict(**self.data_preprocessor(data, False))

    @torch.no_grad()
    def predict(
        self,
        inputs: Sequence[Tensor],
        data_samples: Sequence[Sequence[LocDataSample]],
        settings: LocSettings | None = None,
    ) -> list[LocDataSample]:
        """Classify and localise.

        Args:
            inputs: For each view ``(B, 3, H, W)`` normalised images.
            data_samples: For each view B samples. Those of the first view
                may have ``query_label``, see :meth:`BaseLocHead.predict`.
            settings: Settings for drawing boxes; the head's own by default.

        Returns:
            The samples of the first view, filled in.
        """
        settings = settings or self.head.settings
        feats = [self.network.extract_feat(view) for view in inputs]
        scores = [self.head(each).softmax(dim=1) for each in feats]
        crops = [samples[0].get('crop', False) for samples in data_samples]
        voting = [each for each, crop in zip(scores, crops, strict=True) if crop] or scores
        mean = torch.stack(voting).mean(dim=0)
        best = mean.topk(settings.topk, dim=1).indices.tolist()
        asked = [sample.get('query_label') for sample in data_samples[0]]
        labels = [top if query is None else query.tolist() for top, query in zip(best, asked, strict=True)]

        predicted = []
        for each, samples, crop in zip(feats, data_samples, crops, strict=True):
            if crop:
                continue
            for sample, wanted in zip(samples, labels, strict=True):
                sample.set_query_label(wanted)
            predicted.append(list(self.head.predict(each, samples, settings, draw=False)))
        for samples in predicted:  # boxes are drawn by the settings of this call
            for sample, score in zip(samples, mean.cpu(), strict=True):
                sample.set_pred_score(score.clone())
        merged = self.merge_preds(list(zip(*predicted, strict=True)))
        for sample, query, wanted in zip(merged, asked, labels, strict=True):
            localize(sample, settings.protocol, len(wanted))
            sample.class_maps.set_metainfo(dict(views=len(predicted), crops=sum(crops)))
            if query is None:
                del sample.query_label
        return merged

    def merge_preds(self, data_samples_list: Sequence[Sequence[LocDataSample]]) -> list[LocDataSample]:
        """Average scores and maps.

        Args:
            data_samples_list: For each image its samples in the views of the
                whole image, with the maps of the same classes and without
                boxes.

        Returns:
            The first sample of each image, with the means.
        """
        return [_merge(views) for views in data_samples_list]


class _EachView(nn.Module):
    """A data preprocessor of views.

    Args:
        preprocessor: The classifier's own.
    """

    def __init__(self, preprocessor: nn.Module) -> None:
        super().__init__()
        self.preprocessor = preprocessor

    def forward(self, data: dict, training: bool = False) -> dict:
        views = [
            self.preprocessor(dict(inputs=inputs, data_samples=samples), training)
            for inputs, samples in zip(data['inputs'], data['data_samples'], strict=True)
        ]
        return {name: [view[name] for view in views] for name in ('inputs', 'data_samples')}


def _merge(views: Sequence[LocDataSample]) -> LocDataSample:
    sample = views[0]
    score = torch.stack([view.pred_score for view in views]).mean(dim=0)
    sample.set_pred_score(score)
    sample.set_pred_label(score.argmax(dim=0, keepdim=True))
    maps = sample.class_maps
    finest = max((tuple(view.class_maps.maps.shape[-2:]) for view in views), key=lambda size: size[0] * size[1])
    means = {}
    for kind in maps.map_kinds:
        turned = [_turn_back(view, view.class_maps[kind.name]) for view in views]
        means[kind.name] = torch.stack([_to_grid(min_max(each), finest) for each in turned]).mean(dim=0)
    sample.class_maps = InstanceData(
        metainfo=dict(map_kind=maps.map_kind, map_kinds=maps.map_kinds),
        labels=maps.labels,
        maps=means[maps.map_kind],
        **means,
    )
    return sample


def _turn_back(view: LocDataSample, maps: Tensor) -> Tensor:
    """Maps ``(k, h, w)`` of a view as those of the image itself."""
    return maps.flip(-1) if view.get('flip') else maps


def _to_grid(maps: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(maps.shape[-2:]) == size:
        return maps
    return F.interpolate(maps.unsqueeze(1), size=size, mode='bilinear', align_corners=False).squeeze(1)
