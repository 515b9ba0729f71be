"""A model that predicts from several views of each image."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmtscam.localization import min_max
from mmtscam.models.heads import BaseLocHead, LocSettings, localize
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

from .closer_look import cut_out, paste, window_of


class _Look(NamedTuple):
    """A view of B images, as the model has seen it."""

    feats: Any
    samples: Sequence[LocDataSample]
    scores: Tensor


@MODELS.register_module()
class LocTTAModel(BaseTTAModel):
    """Joins the predictions for the views that ``LocViews`` makes of an image.

    The scores are the mean over the views' softmax; over the crops' alone, if
    there are crops. The classes are chosen by it. Their maps in the views of
    the whole image are turned back, normalised to [0, 1] each, brought to the
    finest grid among them, and averaged, and boxes are drawn from the mean by
    the protocol as usual. Maps of one grid and bilinear interpolation give
    what averaging in the protocol's frame would, in a fraction of the memory.

    For a closer look (``zoom`` of ``LocViews``) the box of the best class is
    drawn first. The square around it is cut out of the image in twice the
    size and goes through the model, mirrored too if the other views are. Its
    scores alone choose the classes then, and its map is averaged in where it
    belongs, see :func:`~mmtscam.models.tta.closer_look.paste`.

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
        whole: list[_Look] = []
        crops: list[_Look] = []
        source = None
        for images, samples in zip(inputs, data_samples, strict=True):
            if samples[0].get('zoom', False):
                source = images, samples
            else:
                (crops if samples[0].get('crop', False) else whole).append(self._look(images, samples))
        scores = _mean_scores(crops or whole)
        asked = [sample.get('query_label') for sample in data_samples[0]]

        if source is not None:
            found = self._join(whole, scores, _choose(scores, asked, 1), settings)
            windows = [window_of(sample, settings.protocol) for sample in found]
            images, windows = cut_out(source[0], windows, (inputs[0].shape[-2], inputs[0].shape[-1]))
            mirrored = any(look.samples[0].get('flip', False) for look in whole)
            closer = self._look_closer(images, source[1], mirrored)
            scores = _mean_scores(closer)

        labels = _choose(scores, asked, settings.topk)
        merged = self._join(whole, scores, labels, settings)
        if source is not None:
            for sample, part, window in zip(merged, self._join(closer, scores, labels, settings), windows, strict=True):
                _paste_in(sample, part, window)
        for sample, query, wanted in zip(merged, asked, labels, strict=True):
            localize(sample, settings.protocol, len(wanted), settings.min_area)
            sample.class_maps.set_metainfo(dict(views=len(whole), crops=len(crops), zoom=source is not None))
            if query is None:
                del sample.query_label
        return merged

    def _look(self, images: Tensor, samples: Sequence[LocDataSample]) -> _Look:
        feats = self.network.extract_feat(images)
        return _Look(feats, samples, self.head(feats).softmax(dim=1))

    def _look_closer(self, images: Tensor, samples: Sequence[LocDataSample], mirrored: bool) -> list[_Look]:
        looks = [self._look(images, samples)]
        if mirrored:
            flipped = [sample.new(metainfo=dict(sample.metainfo, flip=True)) for sample in samples]
            looks.append(self._look(images.flip(-1), flipped))
        return looks

    def _join(
        self, looks: Sequence[_Look], scores: Tensor, labels: Sequence[Sequence[int]], settings: LocSettings
    ) -> list[LocDataSample]:
        """Give the samples of the first look the maps of some classes, averaged over all looks."""
        predicted = []
        for look in looks:
            for sample, wanted in zip(look.samples, labels, strict=True):
                sample.set_query_label(wanted)
            predicted.append(list(self.head.predict(look.feats, look.samples, settings, draw=False)))
        merged = self.merge_preds(list(zip(*predicted, strict=True)))
        for sample, score in zip(merged, scores.cpu(), strict=True):
            sample.set_pred_score(score.clone())
            sample.set_pred_label(score.argmax(dim=0, keepdim=True))
        return merged

    def merge_preds(self, data_samples_list: Sequence[Sequence[LocDataSample]]) -> list[LocDataSample]:
        """Average maps.

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


def _mean_scores(looks: Sequence[_Look]) -> Tensor:
    return torch.stack([look.scores for look in looks]).mean(dim=0)


def _choose(scores: Tensor, asked: Sequence[Tensor | None], topk: int) -> list[list[int]]:
    """The best classes of each image, or those that are asked for."""
    best = scores.topk(topk, dim=1).indices.tolist()
    return [top if query is None else query.tolist() for top, query in zip(best, asked, strict=True)]


def _merge(views: Sequence[LocDataSample]) -> LocDataSample:
    grids = [tuple(view.class_maps.maps.shape[-2:]) for view in views]
    finest = max(grids, key=lambda size: size[0] * size[1])

    def mean(name: str) -> Tensor:
        turned = [_turn_back(view, view.class_maps[name]) for view in views]
        return torch.stack([_to_grid(min_max(each), finest) for each in turned]).mean(dim=0)

    views[0].class_maps = _with_maps(views[0].class_maps, mean)
    return views[0]


def _paste_in(sample: LocDataSample, part: LocDataSample, window: Sequence[float]) -> None:
    own, other = sample.class_maps, part.class_maps
    sample.class_maps = _with_maps(own, lambda name: paste(own[name], other[name], window))


def _with_maps(maps: InstanceData, make: Callable[[str], Tensor]) -> InstanceData:
    """Maps of the same classes and kinds, made anew by the name of their kind."""
    made = {kind.name: make(kind.name) for kind in maps.map_kinds}
    metainfo = dict(map_kind=maps.map_kind, map_kinds=maps.map_kinds)
    return InstanceData(metainfo=metainfo, labels=maps.labels, maps=made[maps.map_kind], **made)


def _turn_back(view: LocDataSample, maps: Tensor) -> Tensor:
    """Maps ``(k, h, w)`` of a view as those of the image itself."""
    return maps.flip(-1) if view.get('flip') else maps


def _to_grid(maps: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(maps.shape[-2:]) == size:
        return maps
    return F.interpolate(maps.unsqueeze(1), size=size, mode='bilinear', align_corners=False).squeeze(1)
