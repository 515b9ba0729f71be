"""mmengine's Runner, where it would silently train otherwise than the config says, or not train at all."""

from collections.abc import Iterator
from typing import Any

from mmengine.dist import is_main_process
from mmengine.optim import _ParamScheduler
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from .optim import as_plain_groups
from .seeding import kept_generators


class CarefulRunner(Runner):
    """mmengine's ``Runner`` that keeps to the config.

    It counts accumulated batches, tells which schedule a resumed run follows,
    lets no logger change the seed, and can compile with rates of single
    parameters.
    """

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
            with kept_generators():
                for backend in built._vis_backends.values():
                    backend.experiment  # noqa: B018 - a property that starts the back end
        return built

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """See ``Runner``; the groups of parameters become plain dicts."""
        return as_plain_groups(super().build_optim_wrapper(optim_wrapper))

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
