"""Learning rates of biases."""

from mmcv.cnn import is_norm
from mmengine.logging import print_log
from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmtscam.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class BiasRateConstructor(DefaultOptimWrapperConstructor):
    """Multiplies the learning rate of every bias, also where ``custom_keys`` sets a rate and in norm layers.

    mmengine's own constructor leaves ``bias_lr_mult`` out for norm layers and
    for parameters that match one of ``custom_keys``. With a rate of ten times
    for the head and of twice for biases, it trains the head's biases at ten
    times the base, and this one at twenty times. Deformable convolutions stay
    as mmengine treats them.

    Args:
        optim_wrapper_cfg: Config of the optimizer wrapper.
        paramwise_cfg: Options of single parameters; it must have
            ``bias_lr_mult``.

    Raises:
        ValueError: If ``paramwise_cfg`` has no ``bias_lr_mult``.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        if 'bias_lr_mult' not in self.paramwise_cfg:
            raise ValueError(
                'BiasRateConstructor needs a rate for biases: set optim_wrapper.paramwise_cfg.bias_lr_mult, '
                'or leave optim_wrapper.constructor out'
            )

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', is_dcn_module: int | float | None = None
    ) -> None:
        """See mmengine; multiplies the rate of the module's own bias, where mmengine does not."""
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            return  # a frozen part: mmengine would warn of each parameter
        start = len(params)
        super().add_params(params, module, prefix, is_dcn_module)
        name = f'{prefix}.bias'
        custom = any(key in name for key in self.paramwise_cfg.get('custom_keys', {}))
        if is_dcn_module or not (custom or is_norm(module)):
            return
        bias = dict(module.named_parameters(recurse=False)).get('bias')
        for group in params[start:]:
            if group['params'][0] is bias:
                group['lr'] = group.get('lr', self.base_lr) * self.paramwise_cfg['bias_lr_mult']
                print_log(f'paramwise_options -- {name}:lr={group["lr"]}', logger='current')
