"""Inference: images in, classes, boxes, maps and pictures out."""

from .inferencer import LocInferencer

__all__ = ['LocInferencer']
