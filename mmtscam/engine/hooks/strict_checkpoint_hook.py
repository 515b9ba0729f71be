"""Refuses checkpoints that would be loaded in part."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, find_latest_checkpoint

from mmtscam.models.utils import is_reference, unwrap_state
from mmtscam.registry import HOOKS


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Raises where mmengine would go on with some weights left at random.

    The Runner loads checkpoints non-strictly: one of another architecture
    costs a warning and gives wrong numbers.
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
        state = unwrap_state(checkpoint)
        file = runner._load_from or find_latest_checkpoint(runner.work_dir) or 'the checkpoint'
        if is_reference(state):
            raise ValueError(
                f'{file}: has the names of the released DeiT, Conformer or TS-CAM. A whole TS-CAM is converted with '
                'tools/model_converters/reference_to_mmtscam.py; to start from the backbone, set '
                'model.backbone.init_cfg.checkpoint instead of load_from'
            )
        try:
            # As the Runner does after this, but strictly; position embeddings
            # of another input size are interpolated on the way.
            model.load_state_dict({name.removeprefix('module.'): value for name, value in state.items()})
        except (RuntimeError, AssertionError) as error:
            raise ValueError(
                f'{file}: made for another architecture or number of classes than this config. To evaluate or resume '
                'it, set model.backbone and model.head (num_classes, in_channels) to what it was trained with; to '
                'start from its backbone alone, set model.backbone.init_cfg.checkpoint instead of load_from. First '
                'differences: '
                f'{" ".join(str(error).split())[:400]}'
            ) from error
