"""Outputs of a backbone's blocks: finding the blocks, keeping what they return, and taking its patch tokens."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn


def transformer_blocks(backbone: nn.Module) -> list[nn.Module]:
    """The transformer blocks of a backbone of mmpretrain, from the first on; none in a convolutional one."""
    return [module for module in backbone.modules() if isinstance(getattr(module, 'attn', None), MultiheadAttention)]


def default_blocks(backbone: nn.Module) -> list[int]:
    """Indices of the first, middle and last transformer block."""
    depth = len(transformer_blocks(backbone))
    return sorted({0, (depth - 1) // 2, depth - 1}) if depth else []


def find_block(backbone: nn.Module, block: int | str) -> tuple[str, nn.Module]:
    """A block and its name.

    Args:
        backbone: The backbone.
        block: Index of a transformer block (a negative one counts from the
            last), or the name of any submodule.

    Returns:
        ``'block N'`` with N counted from 1, or the submodule's name, and the
        module.

    Raises:
        ValueError: If it is not there.
    """
    kind = type(backbone).__name__
    if isinstance(block, int):
        blocks = transformer_blocks(backbone)
        if not -len(blocks) <= block < len(blocks):
            raise ValueError(
                f'{kind} has {len(blocks)} transformer blocks, and block {block + (block >= 0)} is none of them'
                + ('' if blocks else ': name submodules instead, as layer4')
            )
        return f'block {block % len(blocks) + 1}', blocks[block]
    try:
        if not block:
            raise AttributeError('the name is empty')
        return block, backbone.get_submodule(block)
    except AttributeError as error:
        children = ', '.join(name for name, _ in backbone.named_children())
        raise ValueError(f'{kind} has no submodule {block!r}; its children are {children}') from error


@contextmanager
def keep_outputs(backbone: nn.Module, blocks: Sequence[int | str]) -> Iterator[dict[str, Tensor]]:
    """Keep the outputs of blocks during the forward passes within the context.

    Args:
        backbone: The backbone.
        blocks: See :func:`find_block`.

    Yields:
        A dict that a forward pass fills: name of a block to its output.

    Raises:
        ValueError: If a block is not there.
    """
    outputs: dict[str, Any] = {}
    with ExitStack() as stack:
        for name, module in [find_block(backbone, block) for block in blocks]:
            outputs[name] = None  # in the order in which they were asked for
            stack.enter_context(module.register_forward_hook(_keeper(outputs, name)))
        yield outputs


def _keeper(outputs: dict[str, Any], name: str) -> Any:
    def keep(module: nn.Module, inputs: Any, output: Any) -> None:
        outputs[name] = output

    return keep


def patch_tokens(output: Any, patches: int | None, start: int, name: str) -> Tensor:
    """The patch tokens, or positions, in a block's output.

    Args:
        output: ``(1, N', D)`` tokens, or a ``(1, D, h, w)`` feature map.
        patches: Number of patch tokens N; ``None`` where the backbone has
            feature maps alone.
        start: Number of tokens before those of the patches; others may follow.
        name: Name of the block, for errors.

    Returns:
        ``(N, D)`` tensor.

    Raises:
        ValueError: If it is neither.
    """
    if isinstance(output, Tensor) and output.dim() == 4:
        return output[0].flatten(1).T
    if isinstance(output, Tensor) and output.dim() == 3 and patches and output.shape[1] >= start + patches:
        return output[0, start : start + patches]
    shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise ValueError(f'{name}: puts out {shape}, neither the tokens of all patches nor a feature map')
