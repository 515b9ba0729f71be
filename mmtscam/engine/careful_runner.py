"""mmengine's Runner, where it would silently train at another rate than the config says."""

from collections.abc import Iterator
from typing import Any

from mmengine.optim import _ParamScheduler
from mmengine.runner import Runner


class CarefulRunner(Runner):
    """mmengine's ``Runner`` that counts accumulated batches, and tells which schedule a resumed run follows."""

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
        super().resume(*args, **kwargs)
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


def _settings(scheduler: _ParamScheduler) -> dict[str, Any]:
    """Settings of a schedule, without the state that changes with each step."""
    moving = {'optimizer', 'last_step', 'base_values', 'verbose'}
    return {name: value for name, value in vars(scheduler).items() if name not in moving and not name.startswith('_')}
