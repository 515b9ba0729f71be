"""A small GC-Net."""

from typing import Any

from mmengine.model import BaseModel

from mmtscam.registry import MODELS

NUM_CLASSES = 6
RESNET = dict(type='CAMResNet', depth=18, base_channels=8, stem_channels=8, strides=(1, 2, 2, 1))
CLASSIFIER = dict(
    type='mmpretrain.ImageClassifier',
    backbone=RESNET,
    head=dict(type='CAMHead', num_classes=NUM_CLASSES, in_channels=64),
)


def gc_net_config(head: dict | None = None, num_classes: int = NUM_CLASSES, **kwargs: Any) -> dict:
    """Config of a small GC-Net.

    Args:
        head: Further arguments of the head.
        num_classes: Number of classes.
        **kwargs: Further arguments of the model.
    """
    own = dict(type='ShapeHead', num_classes=num_classes, in_channels=64, topk=2)
    classifier = {**CLASSIFIER, 'head': {**CLASSIFIER['head'], 'num_classes': num_classes}}
    settings = dict(type='GCNet', classifier=classifier, backbone=RESNET, head={**own, **(head or {})})
    return {**settings, **kwargs}


def build_gc_net(**kwargs: Any) -> BaseModel:
    """A small GC-Net, see :func:`gc_net_config`, in evaluation."""
    return MODELS.build(gc_net_config(**kwargs)).eval()
