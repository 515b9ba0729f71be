"""A classifier cut off after a layer, as a backbone."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from mmpretrain.models.backbones.base_backbone import BaseBackbone
from torch import Tensor, nn

from mmtscam.models.checkpoints import PretrainedMixin
from mmtscam.registry import MODELS

from .channels_last import ChannelsLastMixin


@MODELS.register_module()
class TruncatedBackbone(ChannelsLastMixin, PretrainedMixin, BaseBackbone):
    """The first layers of a network that calls its children one after another.

    GoogLeNet and Inception, of mmpretrain or torchvision, and EfficientNet, of
    timm, are such networks; their forward pass ends in a classifier.
    Parameters keep the network's own names, so its files of weights can be
    loaded. Weights of layers that are cut off are left out; all others must be
    there.

    Args:
        model: Config of the whole network. Networks of other packages are named
            by class or function: ``dict(type='torchvision.models.GoogLeNet',
            ...)``, ``dict(type='timm.create_model', model_name=...)``.
        layers: Names of the children whose outputs are returned, in the order
            of the network; ``'blocks.4'`` is a child of the sequence
            ``blocks``. The backbone ends with the last of them.
        modules: Name of a submodule to the attributes to set on it, such as
            ``{'Mixed_6a.branch_pool': dict(stride=1, padding=1)}``.
        init_cfg: ``dict(type='Pretrained', checkpoint=...)`` takes a file of
            the whole network or of this backbone; a local path or a URL.
        channels_last: See :class:`ChannelsLastMixin`.

    Raises:
        ImportError: If the network's package is missing.
        ValueError: If a layer, a submodule or an attribute is not there.
    """

    def __init__(
        self,
        model: dict,
        layers: Sequence[str],
        modules: Mapping[str, Mapping[str, Any]] | None = None,
        init_cfg: dict | None = None,
        channels_last: bool = True,
    ) -> None:
        super().__init__(init_cfg, channels_last=channels_last)
        _check_package(model)
        network = MODELS.build(model)
        names = [name for name, _ in _steps(network, layers)]
        if not layers or isinstance(layers, str) or [name for name in names if name in layers] != list(layers):
            raise ValueError(f'layers must name some of {names}, in this order, got {layers}')
        self.layers = tuple(layers)
        end = 1 + max(map(names.index, layers))
        for name in names[end:]:
            parent, _, child = name.rpartition('.')
            delattr(network.get_submodule(parent), child)
        for name, child in network.named_children():
            if name in names[:end] or any(each.startswith(f'{name}.') for each in names[:end]):
                self.add_module(name, child)
        for name, attributes in (modules or {}).items():
            self._set_attributes(name, attributes)
        self._cut_off = tuple(f'{name}.' for name in names[end:])
        self.register_load_state_dict_pre_hook(_leave_out_cut_off)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs of ``layers``.

        Args:
            x: ``(B, 3, H, W)`` normalised images.

        Returns:
            A ``(B, D, h, w)`` feature map for each of ``layers``.
        """
        outputs = []
        for name, child in _steps(self, self.layers):
            x = child(x)
            if name in self.layers:
                outputs.append(x)
        return tuple(outputs)

    def _set_attributes(self, name: str, attributes: Mapping[str, Any]) -> None:
        try:
            module = self.get_submodule(name)
        except AttributeError as error:
            raise ValueError(f'modules: there is no {name!r}: {error}') from error
        for key, value in attributes.items():
            if not hasattr(module, key):
                raise ValueError(f'modules: {name!r}, a {type(module).__name__}, has no {key!r}')
            setattr(module, key, value)


def _check_package(model: dict) -> None:
    kind = model.get('type')
    package, _, rest = kind.partition('.') if isinstance(kind, str) else ('', '', '')
    if rest and find_spec(package) is None:
        raise ImportError(f'{kind} needs the package {package}: pip install {package}')


def _steps(module: nn.Module, layers: Sequence[str], prefix: str = '') -> Iterator[tuple[str, nn.Module]]:
    """Names and modules that a network calls one after another, with a step of its own for each of ``layers``."""
    for name, child in module.named_children():
        path = prefix + name
        if not any(layer.startswith(f'{path}.') for layer in layers):
            yield path, child
        elif type(child) is nn.Sequential:
            yield from _steps(child, layers, f'{path}.')
        else:
            raise ValueError(f'layers: {path!r} is a {type(child).__name__}, no sequence: name it as a whole')


def _leave_out_cut_off(module: TruncatedBackbone, state_dict: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Drop the parameters of cut-off layers from a state dict before it is loaded."""
    for key in list(state_dict):
        if key.startswith(prefix) and key.removeprefix(prefix).startswith(module._cut_off):
            del state_dict[key]
