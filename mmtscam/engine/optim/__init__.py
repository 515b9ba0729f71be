"""The optimizer wrapper for training in bfloat16."""

from .bf16_optim_wrapper import Bf16OptimWrapper

__all__ = ['Bf16OptimWrapper']
