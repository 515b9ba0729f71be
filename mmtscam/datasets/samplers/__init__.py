"""Samplers, which say what images a batch has."""

from .class_pair_sampler import ClassPairSampler

__all__ = ['ClassPairSampler']
