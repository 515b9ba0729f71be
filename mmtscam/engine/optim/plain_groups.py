"""Groups of parameters that ``torch.compile`` can read."""

from typing import TypeVar

from mmengine.optim import OptimWrapper, OptimWrapperDict

Wrapper = TypeVar('Wrapper', OptimWrapper, OptimWrapperDict)


def as_plain_groups(optim_wrapper: Wrapper) -> Wrapper:
    """Make plain dicts of an optimizer's groups of parameters.

    With ``paramwise_cfg`` mmengine makes ``ConfigDict`` objects of them. With
    ``compile=True`` the optimizer's step is compiled too, and PyTorch 2.14
    fails on these.

    Args:
        optim_wrapper: The optimizer wrapper, or several in one; changed in
            place.

    Returns:
        The same.
    """
    single = optim_wrapper.values() if isinstance(optim_wrapper, OptimWrapperDict) else [optim_wrapper]
    for each in single:
        each.optimizer.param_groups[:] = map(dict, each.optimizer.param_groups)
    return optim_wrapper
