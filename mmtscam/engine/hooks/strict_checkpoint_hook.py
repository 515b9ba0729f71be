"""Refuses checkpoints that would be loaded in part."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmtscam.registry import HOOKS


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Raises where mmengine would go on with some weights left at random.

    The Runner loads checkpoints non-strictly: one of another architecture
    costs a warning and gives wrong numbers.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes of a checkpoint's parameters with the model's.

        Args:
            runner: Has the model into which the checkpoint is about to go.
            checkpoint: The content of the file.

        Raises:
            ValueError: If they differ; names the first differences.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        given = {
            name.removeprefix('module.'): tuple(value.shape)
            for name, value in checkpoint.get('state_dict', checkpoint).items()
            if hasattr(value, 'shape')
        }
        problems = [f'{name} is missing' for name in wanted if name not in given]
        problems += [f'{name} is not in the model' for name in given if name not in wanted]
        problems += [
            f'{name} has shape {given[name]} instead of {shape}'
            for name, shape in wanted.items()
            if name in given and given[name] != shape
        ]
        if problems:
            raise ValueError(
                f'{runner._load_from or "the checkpoint"}: made for another architecture than this config '
                f'({len(problems)} differences: {"; ".join(problems[:3])}{", ..." if len(problems) > 3 else ""}). '
                'To start from a backbone alone, set model.backbone.init_cfg.checkpoint instead of load_from'
            )
