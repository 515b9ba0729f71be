"""Leaves out mmpretrain's multimodal part, which this package does not use."""

from importlib.util import find_spec


def leave_out_multimodal() -> None:
    """Keep ``import mmpretrain.models`` from importing models on transformers.

    mmpretrain imports them where it finds transformers and pycocotools. They
    need classes that transformers no longer has, from 4.57 at the latest, and
    then nothing of mmpretrain can be imported. A program that needs them
    imports ``mmpretrain.models`` before this package.
    """
    if find_spec('transformers') is not None:
        from mmpretrain.utils import dependency

        dependency.WITH_MULTIMODAL = False
