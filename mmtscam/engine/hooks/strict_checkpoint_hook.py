"""A check that refuses checkpoints that would be loaded in part."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmtscam.engine.run_origin import loaded_file
from mmtscam.models.checkpoints import load_strictly
from mmtscam.registry import HOOKS


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Raises where mmengine would go on with some weights at random values.

    The Runner loads checkpoints non-strictly: a checkpoint of another
    architecture causes only a warning, and wrong numbers.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Load a checkpoint strictly before the Runner loads it leniently, and give its parameters our names.

        Args:
            runner: Has the model into which the checkpoint is about to go.
            checkpoint: The content of the file, under the names of any
                library; its parameters are put under ``state_dict``.

        Raises:
            ValueError: If names or shapes differ; names the file and the
                first differences.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        checkpoint['state_dict'] = load_strictly(model, checkpoint, loaded_file(runner))
