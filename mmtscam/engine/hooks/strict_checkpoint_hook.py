"""A check that refuses checkpoints that would be loaded in part."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, find_latest_checkpoint

from mmtscam.models.checkpoints import load_strictly
from mmtscam.registry import HOOKS


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Raises where mmengine would go on with some weights at random values.

    The Runner loads checkpoints non-strictly: a checkpoint of another
    architecture causes only a warning, and wrong numbers.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Load a checkpoint strictly before the Runner loads it leniently.

        Args:
            runner: Has the model into which the checkpoint is about to go.
            checkpoint: The content of the file.

        Raises:
            ValueError: If names or shapes differ; names the file and the
                first differences.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        file = runner._load_from or find_latest_checkpoint(runner.work_dir) or 'the checkpoint'
        load_strictly(model, checkpoint, file)
