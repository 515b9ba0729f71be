"""mmengine's Runner, where it fails on a file or after an epoch, or silently trains otherwise than the config says."""

import copy
import os.path as osp
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmengine.runner.amp import autocast
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from mmengine.visualization import Visualizer

from mmtscam.models.checkpoints import read_content
from mmtscam.utils.claims import Claim
from mmtscam.utils.files import write_text
from mmtscam.utils.peers import watch_peers

from .best_checkpoints import forget_other_folders
from .latest_checkpoint import latest_checkpoint, trained_checkpoints
from .log_folder import new_folder, whole_record
from .optim import as_plain_groups
from .resumed_settings import Settings, check_resumable, kept_settings, settings_of
from .seeding import preserved_generators
from .sync_norms import check_sync_norms


class CarefulRunner(Runner):
    """mmengine's ``Runner``, more careful.

    It reads any file of weights, counts accumulated batches, tells which
    schedule and optimizer a resumed run follows, lets no logger change the
    seed, can compile with rates of single parameters, rehearses the validation
    before the training, and ends with the other processes of a distributed
    run. Two runs never write to the same files.
    """

    # The file that was loaded last; and while one is resumed, what the config says of schedules and optimizers.
    loaded_file: str | None = None
    _asked: Settings | None = None
    _load_from: str | None

    def setup_env(self, env_cfg: dict) -> None:
        """See ``Runner``; the processes end together, and no other run has the folder of the log.

        mmengine names it by the second of the start, which two runs share that
        start together, or before and after the clock was set back.

        Args:
            env_cfg: Settings of the environment.
        """
        super().setup_env(env_cfg)
        watch_peers()
        stamp = [new_folder(self.work_dir, self.timestamp) if is_main_process() else None]
        broadcast_object_list(stamp)
        self._timestamp = stamp[0]

    def dump_config(self) -> None:
        """Write the config to the work directory, whole or not at all."""
        name = osp.basename(self.cfg.filename) if self.cfg.filename else f'{self.timestamp}.py'
        write_text(osp.join(self.work_dir, name), self.cfg.dump())

    def train(self) -> torch.nn.Module:
        """See ``Runner``.

        Raises:
            BlockingIOError: If another training writes to the work directory.
        """
        claim = Claim(self.work_dir) if is_main_process() else None
        if not self._resume and (earlier := trained_checkpoints(self.work_dir)):
            self.logger.warning(
                f'{self.work_dir}: has checkpoints of an earlier training ({earlier[0].name}), which this one writes '
                'over: to keep them stop now, and go on with --resume or choose another folder with --work-dir'
            )
        try:
            return super().train()
        finally:
            if claim:
                claim.release()

    def load_or_resume(self) -> None:
        """See ``Runner``; of the checkpoints to resume the newest that is whole.

        Raises:
            ValueError: If there are some, but none is whole.
        """
        if self._resume and self._load_from is None and not self._has_loaded:
            self._load_from = latest_checkpoint(self.work_dir)
        super().load_or_resume()

    def build_visualizer(self, visualizer: Visualizer | dict | None = None) -> Visualizer:
        """Build the visualizer and start its back ends.

        ClearML sets every generator to a seed of its own when it starts,
        which would be after the Runner has set them and before it builds the
        model.

        Args:
            visualizer: The visualizer or its config.
        """
        built = super().build_visualizer(visualizer)
        if is_main_process():  # the others write nothing
            with preserved_generators():
                for backend in built._vis_backends.values():
                    backend.experiment  # noqa: B018 - a property that starts the back end
        return built

    def wrap_model(self, model_wrapper_cfg: dict | None, model: torch.nn.Module) -> torch.nn.Module:
        """See ``Runner``; ``sync_bn`` is refused where it would change what the model computes."""
        if self.distributed and self.cfg.get('sync_bn') is not None:
            check_sync_norms(model)
        return super().wrap_model(model_wrapper_cfg, model)

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """See ``Runner``; the groups of parameters become plain dicts."""
        return as_plain_groups(super().build_optim_wrapper(optim_wrapper))

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks; before training check the shares, and rehearse the validation or do the one that is due.

        Args:
            fn_name: Name of the hooks' method.
            **kwargs: Its arguments.
        """
        with whole_record(self.log_dir, self.timestamp) if fn_name == 'after_test_epoch' else nullcontext():
            super().call_hook(fn_name, **kwargs)
        if fn_name != 'before_train':
            return
        for other in forget_other_folders(self.hooks, self.message_hub) if self._resume else ():
            self.logger.warning(f'{other}: the best checkpoint so far is of another folder, where it stays')
        if isinstance(self.train_loop, EpochBasedTrainLoop):
            _check_shares(len(self.train_dataloader))
        if self.val_loop is not None:
            if self._resume and self._validation_is_due():
                with preserved_generators():
                    self.val_loop.run()
            else:
                self._rehearse_validation()

    def _validation_is_due(self) -> bool:
        """Whether the resumed checkpoint is of a moment before a validation.

        A checkpoint is written before the validation of its epoch, and again
        after it if it is the best. A run that is stopped in between would otherwise
        go on without the validation, and could miss the best epoch.
        """
        loop: Any = self.train_loop
        done, last = (
            (loop.epoch, loop.max_epochs) if isinstance(loop, EpochBasedTrainLoop) else (loop.iter, loop.max_iters)
        )
        info = self.message_hub.runtime_info
        best = any(str(info[name]).endswith(f'_{done}.pth') for name in info if name.startswith('best_ckpt'))
        return done > 0 and done >= loop.val_begin and (done % loop.val_interval == 0 or done == last) and not best

    def _rehearse_validation(self) -> None:
        """Predict and score one image, the first that shows an object, and forget it.

        If the validation lacks boxes, masks or a kind of map, it says so now
        and not after the first epoch.
        """
        loop: Any = self.val_loop
        dataset, dtype = loop.dataloader.dataset, getattr(loop, 'amp_dtype', None)
        evaluator = copy.deepcopy(loop.evaluator)
        training = self.model.training
        self.model.eval()
        with torch.no_grad(), preserved_generators(), autocast(enabled=dtype is not None, dtype=dtype):
            batch = loop.dataloader.collate_fn([dataset[_with_object(dataset)]])
            evaluator.process(data_samples=self.model.val_step(batch), data_batch=batch)
        self.model.train(training)

    def load_checkpoint(
        self,
        filename: str,
        map_location: Any = 'cpu',
        strict: bool = False,
        revise_keys: Sequence[tuple[str, str]] = ((r'^module\.', ''),),
    ) -> Any:
        """Load a file that :func:`~mmtscam.models.checkpoints.read_content` reads.

        Args:
            filename: The file.
            map_location: Nothing: parameters and an optimizer's state go to
                the device of the model anyway.
            strict: Whether names and shapes must be the model's, which
                ``StrictCheckpointHook`` sees to.
            revise_keys: Pairs of a pattern in names and what takes its place.

        Returns:
            The content of the file.

        Raises:
            FileNotFoundError: If the file cannot be had.
            ValueError: If it cannot be read or, where a training is to be
                resumed, has weights alone, or an optimizer or schedules of
                another kind.
        """
        content = read_content(filename, 'load_from')
        self.loaded_file = filename
        if self._asked is not None:
            if not (isinstance(content, dict) and {'optimizer', 'meta', 'message_hub'} <= content.keys()):
                raise ValueError(
                    f'{filename}: has weights, but no optimizer and epoch to resume a training: start from it without '
                    '--resume, with load_from'
                )
            content['meta'].pop('config', None)  # mmengine would run this, the config of versions long gone
            check_resumable(content, self._asked, filename)
        self.call_hook('after_load_checkpoint', checkpoint=content)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        _load_checkpoint_to_model(model, content, strict, revise_keys=list(revise_keys))
        self._has_loaded = True
        self.logger.info(f'Load checkpoint from {filename}')
        return content

    def scale_lr(self, optim_wrapper: Any, auto_scale_lr: dict | None = None) -> None:
        """Scale the learning rate by the images of a step over the base batch size.

        A step takes as many batches as ``optim_wrapper.accumulative_counts``
        says, which mmengine does not count.

        Args:
            optim_wrapper: The optimizer wrapper.
            auto_scale_lr: ``enable`` and ``base_batch_size``.
        """
        batches = getattr(optim_wrapper, '_accumulative_counts', 1)
        if auto_scale_lr and auto_scale_lr.get('enable') and batches > 1:
            base = auto_scale_lr['base_batch_size']
            self.logger.info(
                f'{batches} batches are accumulated for a step, so the base batch size of {base} is that of {batches} '
                f'batches: {base / batches:g} a batch'
            )
            auto_scale_lr = {**auto_scale_lr, 'base_batch_size': base / batches}
        super().scale_lr(optim_wrapper, auto_scale_lr)

    def resume(self, *args: Any, **kwargs: Any) -> None:
        """Resume a checkpoint, and warn where its schedule or optimizer is not the config's.

        mmengine goes on with the settings that the checkpoint holds, whatever
        the config says by now.
        """
        self._asked = asked = settings_of(self.param_schedulers, self.optim_wrapper)
        try:
            super().resume(*args, **kwargs)
        finally:
            self._asked = None
        for message in kept_settings(asked, settings_of(self.param_schedulers, self.optim_wrapper)):
            self.logger.warning(message)


def _check_shares(batches: int) -> None:
    """Refuse unequal shares, after the least of which processes would wait for one that waits for them elsewhere."""
    if len(set(shares := all_gather_object(batches))) > 1:
        raise ValueError(
            f'the processes have {", ".join(map(str, shares))} batches of an epoch of training, and each step needs '
            'all of them: leave train_dataloader.sampler.round_up at True'
        )


def _with_object(dataset: Any, tried: int = 1000) -> int:
    """Number of an image with true boxes among the first ones of a data set; 0 where there is none."""
    if not hasattr(dataset, 'get_data_info'):
        return 0
    numbers = range(min(len(dataset), tried))
    return next((number for number in numbers if dataset.get_data_info(number).get('instances')), 0)
