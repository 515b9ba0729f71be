"""Training in bfloat16, and rates of biases."""

from .bf16_optim_wrapper import Bf16OptimWrapper
from .bias_rate_constructor import BiasRateConstructor

__all__ = ['Bf16OptimWrapper', 'BiasRateConstructor']
