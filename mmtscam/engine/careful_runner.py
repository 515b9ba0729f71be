"""mmengine's Runner, where it fails on a file or after an epoch, or silently trains otherwise than the config says."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object, is_main_process
from mmengine.model import is_model_wrapper
from mmengine.optim import _ParamScheduler
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmengine.runner.amp import autocast
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from mmengine.visualization import Visualizer

from mmtscam.models.checkpoints import read_content
from mmtscam.utils.peers import watch_peers

from .optim import as_plain_groups
from .seeding import preserved_generators


class CarefulRunner(Runner):
    """mmengine's ``Runner``, more careful.

    It reads any file of weights, counts accumulated batches, tells which
    schedule a resumed run follows, lets no logger change the seed, can compile
    with rates of single parameters, rehearses the validation before the
    training, and ends with the other processes of a distributed run.
    """

    # The file that was loaded last, and whether it is resumed.
    loaded_file: str | None = None
    _resumes: bool = False

    def setup_env(self, env_cfg: dict) -> None:
        """See ``Runner``; from here on an error in one process ends the others too.

        Args:
            env_cfg: The config's ``env_cfg``.
        """
        super().setup_env(env_cfg)
        watch_peers()

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

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """See ``Runner``; the groups of parameters become plain dicts."""
        return as_plain_groups(super().build_optim_wrapper(optim_wrapper))

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks; check the shares of training and rehearse the validation when they are ready to train.

        Args:
            fn_name: Name of the hooks' method.
            **kwargs: Its arguments.
        """
        super().call_hook(fn_name, **kwargs)
        if fn_name == 'before_train':
            if isinstance(self.train_loop, EpochBasedTrainLoop):
                _check_shares(len(self.train_dataloader))
            if self.val_loop is not None:
                self._rehearse_validation()

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
            ValueError: If it cannot be read, or has weights alone where a
                training is to be resumed.
        """
        content = read_content(filename, 'load_from')
        self.loaded_file = filename
        if self._resumes and not (isinstance(content, dict) and {'optimizer', 'meta', 'message_hub'} <= content.keys()):
            raise ValueError(
                f'{filename}: has weights, but no optimizer and epoch to resume a training: start from it without '
                '--resume, with load_from'
            )
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
        """Resume a checkpoint, and warn where its schedule is not the config's.

        mmengine goes on with the schedule that the checkpoint holds, whatever
        the config says by now.
        """
        asked = [_settings(scheduler) for scheduler in self._schedules()]
        self._resumes = True
        try:
            super().resume(*args, **kwargs)
        finally:
            self._resumes = False
        for index, (scheduler, wanted) in enumerate(zip(self._schedules(), asked, strict=False)):
            found = _settings(scheduler)
            if differing := [name for name in wanted if found.get(name) != wanted[name]]:
                name = differing[0]
                self.logger.warning(
                    f'param_scheduler[{index}], {type(scheduler).__name__}: {name} stays {found.get(name)}, as in the '
                    f'checkpoint, and does not become {wanted[name]}, as the config says: to train on with another '
                    'schedule, start from the weights alone (load_from without --resume)',
                )

    def _schedules(self) -> Iterator[_ParamScheduler]:
        """The schedules that are built, which ``train`` does before it resumes."""
        schedulers = self.param_schedulers or []
        for group in schedulers.values() if isinstance(schedulers, dict) else [schedulers]:
            yield from (each for each in group if isinstance(each, _ParamScheduler))


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


def _settings(scheduler: _ParamScheduler) -> dict[str, Any]:
    """Settings of a schedule, without the state that changes with each step."""
    moving = {'optimizer', 'last_step', 'base_values', 'verbose'}
    return {name: value for name, value in vars(scheduler).items() if name not in moving and not name.startswith('_')}
