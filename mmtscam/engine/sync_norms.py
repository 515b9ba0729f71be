"""Batch norms that a distributed run is to compute over all processes."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

_PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def check_sync_norms(model: nn.Module) -> None:
    """Refuse ``sync_bn`` for a model whose batch norms do more than normalise.

    mmengine puts plain layers in their place. The activation within those of
    timm would be lost, and so would the hooks by which ADL and EIL work.

    Args:
        model: The model.

    Raises:
        ValueError: If it has such a batch norm.
    """
    for name, module in model.named_modules():
        if not isinstance(module, _BatchNorm):
            continue
        more = 'hooks' if module._forward_hooks or module._forward_pre_hooks else None
        if type(module) not in _PLAIN:
            more = f'what {type(module).__name__} does beside'
        if more:
            raise ValueError(f'sync_bn would take {more} from {name}, and change what the model computes: leave it out')
