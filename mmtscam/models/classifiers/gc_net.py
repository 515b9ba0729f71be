"""GC-Net: a detector of one shape that a frozen classifier teaches."""

import logging
import math
from typing import Any

from mmengine.logging import print_log
from mmpretrain.models.classifiers import ImageClassifier
from torch import Tensor

from mmtscam.localization.precision import full_precision
from mmtscam.models.checkpoints import is_pretrained, load_whole_classifier
from mmtscam.models.heads import ShapeFeatures, ShapeHead
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

_CLASSIFIER_SETTING = 'model.classifier.init_cfg.checkpoint'


@MODELS.register_module()
class GCNet(ImageClassifier):
    """Finds the small shape within which a frozen classifier knows the image, and outside of which it does not.

    A detector, ``backbone`` and ``head``, gives the shape. The classifier sees
    the image times the shape's mask and times 1 minus it; images are
    normalised, so what is removed has their mean colour. The classes of an
    image are the classifier's for the whole image.

    The classifier always stays in evaluation. In the authors' code it does
    not, and its batch norm drifts. Checkpoints of this model hold it too:
    its own file is only needed to train.

    Nothing but ``loss_area`` keeps the shape from growing to the whole image.
    The log has the mean ``area``: near 1 that has happened.

    Reference: Lu et al., "Geometry Constrained Weakly Supervised Object
    Localization" (GC-Net), ECCV 2020. Losses and weights are those of the
    authors' code where a formula draws the mask.

    Args:
        classifier: Config of an ``ImageClassifier``. Its ``init_cfg``,
            ``dict(type='Pretrained', checkpoint=...)``, names its checkpoint,
            see :func:`~mmtscam.models.checkpoints.load_whole_classifier`. Its
            images are normalised as the detector's, by ``data_preprocessor``
            of this model.
        backbone: Config of the detector's network.
        head: Config of a :class:`ShapeHead`.
        object_weight: Weight of ``loss_object``.
        background_weight: Weight of ``loss_background``.
        area_weight: Weight of ``loss_area``.
        **kwargs: Further arguments of ``ImageClassifier``.

    Raises:
        ValueError: If the head is another one, or its number of classes is not
            the classifier's.
    """

    def __init__(
        self,
        classifier: dict,
        backbone: dict,
        head: dict,
        object_weight: float = 1.0,
        background_weight: float = 1.0,
        area_weight: float = 2.5,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault('data_preprocessor', dict(type='mmpretrain.ClsDataPreprocessor'))
        super().__init__(backbone=backbone, head=head, **kwargs)
        if not isinstance(self.head, ShapeHead):
            raise ValueError(f'GCNet needs a ShapeHead, not a {type(self.head).__name__}: set model.head.type')
        shared = dict(data_preprocessor=self.data_preprocessor)
        self.classifier = MODELS.build({**classifier, **shared}).requires_grad_(False).eval()
        # A whole VGG16 ends in logits, and has the number itself.
        parts = (getattr(self.classifier, name, None) for name in ('head', 'backbone'))
        known = next((number for part in parts if (number := getattr(part, 'num_classes', None))), None)
        if known not in (None, self.head.num_classes):
            raise ValueError(
                f'the classifier has {known} classes and the head {self.head.num_classes}: set '
                'model.classifier.head.num_classes and model.head.num_classes alike'
            )
        self.object_weight = object_weight
        self.background_weight = background_weight
        self.area_weight = area_weight

    def init_weights(self) -> None:
        """Initialise the detector, and load the classifier's checkpoint.

        Raises:
            FileNotFoundError: If the checkpoint cannot be had.
            ValueError: If it does not hold the classifier.
        """
        source = self.classifier.init_cfg
        if not (is_pretrained(source) and source.get('checkpoint')):
            print_log(
                'the frozen classifier has no checkpoint, and what it does not know it cannot teach: set '
                f'{_CLASSIFIER_SETTING}, unless load_from or resume brings it',
                logger='current',
                level=logging.WARNING,
            )
        elif not self.classifier.is_init:
            load_whole_classifier(self.classifier, source['checkpoint'], _CLASSIFIER_SETTING)
            self.classifier.is_init = True  # or its parts would load files of their own
        super().init_weights()

    def train(self, mode: bool = True) -> 'GCNet':
        """Set the mode of the detector; the classifier stays in evaluation."""
        super().train(mode)
        self.classifier.eval()
        return self

    def extract_feat(self, inputs: Tensor, stage: str = 'neck') -> Any:
        """Compute what the head needs.

        Args:
            inputs: ``(B, 3, H, W)`` normalised images.
            stage: Where to stop, as for ``ImageClassifier``.

        Returns:
            :class:`ShapeFeatures`; at an earlier stage the detector's output.
        """
        if stage != 'neck':
            return super().extract_feat(inputs, stage)
        height, width = inputs.shape[-2:]
        return ShapeFeatures(self._classify(inputs), (height, width), super().extract_feat(inputs)[-1])

    def loss(self, inputs: Tensor, data_samples: list[LocDataSample]) -> dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            inputs: ``(B, 3, H, W)`` normalised images.
            data_samples: Samples with ``gt_label``, or ``gt_score`` where
                batches are mixed.

        Returns:
            ``loss_object``, the classification loss within the shape;
            ``loss_background``, the classifier's :func:`certainty` outside;
            ``loss_area``, the mean product of the shape's sides; each
            weighted. The product itself is ``area``, to be logged.
        """
        shapes = self.head.shapes(super().extract_feat(inputs)[-1])
        height, width = inputs.shape[-2:]
        mask = self.head.generator(shapes, (height, width)).unsqueeze(1)
        within = self.head._get_loss(self._classify(inputs * mask), data_samples)['loss']
        area = shapes[:, 2:4].prod(dim=1).mean()
        return dict(
            loss_object=self.object_weight * within,
            loss_background=self.background_weight * certainty(self._classify(inputs * (1 - mask))),
            loss_area=self.area_weight * area,
            area=area.detach(),
        )

    def _classify(self, inputs: Tensor) -> Tensor:
        return full_precision(self.classifier(inputs, mode='tensor'))


def certainty(logits: Tensor) -> Tensor:
    """How far a classifier is from not knowing: ln C − H of its softmax, where H is the entropy.

    Args:
        logits: ``(B, C)``.

    Returns:
        The mean over the batch, from 0, where all classes are alike, to ln C.
    """
    log_shares = logits.log_softmax(dim=1)
    return math.log(logits.shape[1]) + (log_shares.exp() * log_shares).sum(dim=1).mean()
