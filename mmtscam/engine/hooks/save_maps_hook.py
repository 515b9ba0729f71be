"""Saves the maps of a test."""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.dist import all_gather_object, barrier, get_rank, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmtscam.engine.loops.overlap import OverlapMixin
from mmtscam.engine.run_origin import run_origin
from mmtscam.evaluation.stored_maps import MapPart, merge_parts
from mmtscam.registry import HOOKS
from mmtscam.structures import LocDataSample
from mmtscam.utils.claims import Claim
from mmtscam.utils.files import check_writable, naming


@HOOKS.register_module()
class SaveMapsHook(Hook):
    """Writes the class maps of a test to one compressed file.

    Every process writes its own part during the test, so that no maps are
    held in memory. At the end the parts become one file. A test that fails or
    is interrupted leaves no parts. Where the disk is full, the maps are given
    up: the test goes on, so that its numbers are not lost, and fails when all
    else is written.

    Args:
        out_file: The file, ``.npz``; see :mod:`mmtscam.evaluation.stored_maps.map_file`.

    Raises:
        ValueError: If its name does not end in ``.npz``.
    """

    def __init__(self, out_file: str) -> None:
        if not out_file.endswith('.npz'):
            raise ValueError(f'{out_file}: the name of a file of maps must end in .npz')
        self.out_file = Path(out_file)
        self._part: MapPart | None = None
        self._problem: OSError | None = None

    def _part_file(self, rank: int) -> Path:
        return self.out_file.with_name(f'.{self.out_file.name}.rank{rank}')

    def before_test(self, runner: Runner) -> None:
        """Start this process's part.

        Raises:
            BlockingIOError: If another run writes the same file.
            OSError: If it cannot be written.
            ValueError: If the data set joins or repeats others, and the loop
                does not tell their images apart.
        """
        loop, dataset = runner.test_loop, runner.test_dataloader.dataset
        if not isinstance(loop, OverlapMixin) and not isinstance(dataset, BaseDataset):
            raise ValueError(
                f'{type(loop).__name__} does not number the images of a {type(dataset).__name__}, so maps cannot be '
                "saved: set test_cfg.type to 'LocTestLoop'"
            )
        self._start_part()

    def _start_part(self) -> None:
        check_writable(self.out_file)
        self._problem = None
        file = self._part_file(get_rank())
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        self._claim = Claim(file)
        weakref.finalize(self, file.unlink, missing_ok=True)  # at the end of the process at the latest
        self._part = MapPart(file)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[LocDataSample]
    ) -> None:
        """Write a batch."""
        if self._problem is None:
            with self._giving_up(runner):
                for sample in outputs:
                    self._opened.add(sample.to_dict())

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Make one file of the parts."""
        if self._problem is None:
            with self._giving_up(runner):
                self._opened.close()
        is_whole = all(all_gather_object(self._problem is None))
        if is_whole and is_main_process():
            with self._giving_up(runner):
                self._merge(runner)
        barrier()
        self._opened.discard()
        self._claim.release()

    def after_test(self, runner: Runner) -> None:
        """Fail where the maps were given up; the report is written by now.

        Raises:
            OSError: If they were; names the file.
        """
        barrier()  # the end of one process ends the main one, which may still write the report
        if self._problem is not None:
            raise self._problem

    @property
    def _opened(self) -> MapPart:
        assert self._part is not None
        return self._part

    @contextmanager
    def _giving_up(self, runner: Runner) -> Iterator[None]:
        """Keep an error of the system for later, and make room on the disk."""
        try:
            with naming(self.out_file):
                yield
        except OSError as error:
            self._problem = error
            self._opened.discard()
            runner.logger.warning(f'No maps will be there, and the test goes on without: {error}')

    def _merge(self, runner: Runner) -> None:
        dataset = runner.test_dataloader.dataset
        merge_parts(
            [self._part_file(rank) for rank in range(get_world_size())],
            self.out_file,
            size=len(dataset),
            classes=dataset.metainfo.get('classes') or (),
            origin=run_origin(runner),
        )
        runner.logger.info(f'Written: {self.out_file}')
