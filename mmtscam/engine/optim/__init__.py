"""Training in bfloat16, rates of biases, and groups of parameters that compile."""

from .bf16_optim_wrapper import Bf16OptimWrapper
from .bias_rate_constructor import BiasRateConstructor
from .plain_groups import as_plain_groups

__all__ = ['Bf16OptimWrapper', 'BiasRateConstructor', 'as_plain_groups']
