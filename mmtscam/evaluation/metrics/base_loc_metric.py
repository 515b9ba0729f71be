"""The base of all localization metrics."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, NamedTuple

from mmengine.dist import all_gather_object, broadcast_object_list, collect_results, is_main_process
from mmengine.evaluator import BaseMetric

from mmtscam.evaluation.report import MetricResult, Number
from mmtscam.evaluation.samples import (
    head_threshold,
    image_key,
    localising_kind,
    naming,
    sample_key,
    sample_name,
    shows_object,
)
from mmtscam.evaluation.threshold_file import load_thresholds
from mmtscam.evaluation.thresholds import ThresholdChoice, ThresholdSource
from mmtscam.localization import Protocol, get_protocol
from mmtscam.utils.worker_processes import Task, TaskError, WorkerProcesses


class BaseLocMetric(BaseMetric):
    """Base of the metrics that score localization maps.

    A subclass implements :meth:`score`, which makes a row of each image, and
    :meth:`summarise`, which makes numbers of all rows. Everything else is
    done here: gathering from all processes, checking that each image was
    scored once, the table, ``report.json`` and a CSV file of the rows. Images
    without a true box, where boxes are known, are counted and left out.

    The threshold of a sample is decided here, for every metric, by the first
    of these that there is:

    1. the argument ``threshold``, or a ``threshold`` in the protocol's dict;
    2. the file ``threshold_file``;
    3. the threshold with which the head drew its own boxes, which travels
       with the sample, if a threshold means the same in both protocols
       (:attr:`~mmtscam.localization.Protocol.threshold_rule`);
    4. the protocol's own threshold.

    A protocol by name or by value does not set a threshold; its own is the
    last in this order. The second is reported as ``val``, the others as
    ``fixed``.

    Args:
        protocol: Name of a protocol, a dict with ``base`` and the fields to
            replace, or a value.
        threshold: Threshold for drawing boxes.
        threshold_file: File of ``tools/analysis/choose_threshold.py`` with
            thresholds chosen on a validation split.
        map_kind: Name of the kind of map to score; ``'maps'`` for the kind
            that the head localises with.
        collect_device: ``'cpu'`` or ``'gpu'``, for gathering rows.
        prefix: Prefix of the names of the numbers; the protocol's name by
            default.
        num_workers: Processes that share a batch, for a metric that shares its
            work: by default as many as there are cores that the run leaves
            idle. 0 or 1 for none but this one.

    Attributes:
        uses_threshold: Whether samples are scored at one threshold. A metric
            for which that is not so sets it to ``False`` in its class.
        sweeps: Whether samples are scored at every threshold, so that the
            metric can choose one for others: see :attr:`best`.
        needs_boxes: Whether it cannot do without true boxes. A data set
            without a box reader is then refused before the run.
        truth: The truth by which an image is known to show an object.
        parts: Number of parts of a batch that each of the processes that share
            it is sent. One costs least; with several, long tasks end more
            nearly at the same time.
        workers: The processes that share a batch, if there are any: see
            :func:`~mmtscam.evaluation.shared_scoring`.
        best: The thresholds that a sweep has chosen; ``None`` before its
            evaluation, and for other metrics.
        result: Everything that the metric found; ``None`` before its
            evaluation, and in all processes but the main one.
        set_results: The same of each data set alone, where samples have a
            ``set_name``, under names ``PREFIX/SET``; not of a set without an
            object.

    Raises:
        ValueError: If an argument is out of range or of no use, or the file
            has no threshold for this protocol and kind of map.

    Examples:
        >>> from mmtscam.evaluation import BaseLocMetric, Number
        >>> from mmtscam.evaluation.samples import true_boxes, true_class_map
        >>> from mmtscam.localization import box_overlaps, map_to_boxes
        >>> class MeanIoU(BaseLocMetric):
        ...     '''Mean IoU of the best box of the true class.'''
        ...
        ...     def score(self, sample, protocol):
        ...         boxes = map_to_boxes(true_class_map(sample, self.map_kind), protocol)
        ...         return dict(iou=float(box_overlaps(boxes, true_boxes(sample, protocol))[0].max()))
        ...
        ...     def summarise(self, scored, images):
        ...         return [Number('mean_iou', 100 * sum(row['iou'] for row in scored) / images)]
    """

    uses_threshold: bool = True
    sweeps: bool = False
    needs_boxes: bool = False
    truth: str = 'true box'
    parts: int = 1

    def __init__(
        self,
        protocol: str | Mapping[str, Any] | Protocol = 'tscam',
        threshold: float | None = None,
        threshold_file: str | None = None,
        map_kind: str = 'maps',
        collect_device: str = 'cpu',
        prefix: str | None = None,
        num_workers: int | None = None,
    ) -> None:
        own = type(self).__name__
        if threshold is not None and not self.uses_threshold:
            raise ValueError(f'{own} scores at no single threshold: leave threshold out')
        if threshold_file is not None and not (self.uses_threshold or self.sweeps):
            raise ValueError(f'{own} uses no threshold: leave threshold_file out')
        if threshold is None and self.uses_threshold and isinstance(protocol, Mapping):
            threshold = protocol.get('threshold')
        if threshold is not None and threshold_file is not None:
            raise ValueError('give threshold or threshold_file, not both')
        rules = get_protocol(protocol, threshold=threshold)
        super().__init__(collect_device=collect_device, prefix=prefix or rules.name)
        self.protocol = rules if self.uses_threshold else replace(rules, threshold=None)
        if num_workers is not None and num_workers < 0:
            raise ValueError(f'num_workers must be at least 0, got {num_workers}')
        self.map_kind = map_kind
        self.num_workers = num_workers
        self.workers: WorkerProcesses | None = None
        self.best: ThresholdChoice | None = None
        self.result: MetricResult | None = None
        self.set_results: list[MetricResult] = []
        self._file = load_thresholds(threshold_file) if threshold_file else None
        self.choice = self._file.find(self.protocol, map_kind) if self._file else None
        self._threshold = self.choice.threshold if self.choice else threshold
        self._source = ThresholdSource.VAL if self.choice else ThresholdSource.FIXED
        self._used = _Used()
        self._size = 0

    @abstractmethod
    def score(self, sample: dict, protocol: Protocol) -> Any:
        """Score one image.

        Args:
            sample: A :class:`LocDataSample` as a dict; see
                :mod:`mmtscam.evaluation.samples` for questions to ask of it.
            protocol: The rules, with the threshold of this sample where the
                metric uses one.

        Returns:
            The image's row: names of columns to numbers, texts or ``None``.
            ``img_path``, ``map_kind``, ``threshold`` and
            ``threshold_source`` are added by the metric.

        Raises:
            ValueError: If the sample cannot be scored. The image's path is
                put before the message unless it is there.
        """

    def task(self, sample: dict, protocol: Protocol) -> Task:
        """Make the task of scoring one image, for a metric that shares its work.

        Args:
            sample: The same as for :meth:`score`.
            protocol: The same as for :meth:`score`.

        Returns:
            A function without arguments that returns what :meth:`score` does.
            Another process calls it, so it is a ``partial`` of a module's
            function with few and small arguments, and no tensors.

        Raises:
            ValueError: For the same reasons as :meth:`score`.
        """
        return partial(self.score, sample, protocol)

    @property
    def shares_work(self) -> bool:
        """Whether other processes may score images.

        They may where a class has a :meth:`task` of its own, and none below
        it another :meth:`score`.
        """
        kinds = type(self).__mro__
        by_task, by_score = (next(kind for kind in kinds if name in vars(kind)) for name in ('task', 'score'))
        return by_task is not BaseLocMetric and issubclass(by_task, by_score)

    @abstractmethod
    def summarise(self, scored: Any, images: int) -> Sequence[Number]:
        """Make numbers of all images, in the main process.

        Args:
            scored: The rows of all images that show an object, each with
                ``img_path``, the columns of :meth:`score`, ``map_kind``,
                ``threshold`` and ``threshold_source``.
            images: How many show one, at least 1.

        Returns:
            The numbers. Threshold and source are filled in by the metric.

        Raises:
            ValueError: If there is no such number. All processes raise it.
        """

    def curves(self, scored: Any, images: int) -> dict[str, dict[str, list[float]]]:
        """Make curves of all images; there are none by default.

        Args:
            scored: The same as for :meth:`summarise`.
            images: The same as for :meth:`summarise`.

        Returns:
            Name of a curve to its columns, which are equally long.
        """
        return {}

    def protocol_for(self, sample: dict) -> Protocol:
        """Decide by which rules a sample is scored, and note them for the result.

        Args:
            sample: The sample.

        Returns:
            The protocol, with the threshold of this sample; without one where
            the metric uses none.

        Raises:
            ValueError: If there is no threshold, or the one of the file was
                chosen on this image or on another kind of map.
        """
        kind, name = self._kind_of(sample), sample_name(sample)
        if self.choice and self._file:
            self._file.check_unseen(image_key(sample))
            self.choice.check_kind(kind, name, self._file.path)
        self._used.kinds.add(kind)
        if not self.uses_threshold:
            return self.protocol
        candidates = (self._threshold, head_threshold(sample, self.protocol), self.protocol.threshold)
        threshold = next((value for value in candidates if value is not None), None)
        if threshold is None:
            raise ValueError(
                f'{name}: protocol {self.protocol.name!r} leaves the threshold open, and the sample brings none: '
                'set threshold or threshold_file'
            )
        self._used.thresholds.add(threshold)
        return _with_threshold(self.protocol, threshold)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score a batch.

        Args:
            data_batch: Not used.
            data_samples: :class:`LocDataSample` as dicts.

        Raises:
            ValueError: If a sample cannot be scored; see :meth:`score` and
                :meth:`protocol_for`.
        """
        if self.workers and len(data_samples) > 1:
            self._share_out(data_samples, self.workers)
            return
        for sample in data_samples:
            protocol = self.protocol_for(sample)
            with naming(sample):
                if self.shows_object(sample):
                    self.keep(sample, self.score(sample, protocol), protocol)
                else:
                    self.pass_over(sample, protocol)

    def _share_out(self, data_samples: Sequence[dict], workers: WorkerProcesses) -> None:
        """Score a batch in several processes."""
        taken: list[tuple[dict, Protocol, bool]] = []

        def tasks() -> Iterator[Task]:
            for sample in data_samples:
                protocol = self.protocol_for(sample)
                with naming(sample):
                    shown = self.shows_object(sample)
                    task = self.task(sample, protocol) if shown else None
                taken.append((sample, protocol, shown))
                if task:
                    yield task

        try:
            results = iter(workers.run(tasks(), -(-len(data_samples) // (self.parts * workers.count))))
        except TaskError as failed:
            scored = [sample for sample, _, shown in taken if shown]
            with naming(scored[failed.place]):
                raise failed.error from failed
        for sample, protocol, shown in taken:
            with naming(sample):
                if shown:
                    self.keep(sample, next(results), protocol)
                else:
                    self.pass_over(sample, protocol)

    def shows_object(self, sample: dict) -> bool:
        """Tell whether there is something to localise in an image: by default a true box."""
        return shows_object(sample)

    def pass_over(self, sample: dict, protocol: Protocol) -> None:
        """Take note of an image without an object, which is not scored."""
        self.results.append(_Kept(sample_key(sample), sample_name(sample), sample.get('set_name'), None, False))

    def check_dataset(self, dataset: Any) -> None:
        """Refuse a data set in which this metric would find nothing to score, before the run.

        Args:
            dataset: A data set of mmengine's kind, or a wrapper of some.

        Raises:
            ValueError: If there is no true box, or no reader of boxes where
                the metric needs one.
        """
        for joined in getattr(dataset, 'datasets', [dataset]):
            if 'instances' in (first := joined.get_data_info(0)):
                continue
            if not self.needs_boxes:
                return
            raise ValueError(
                f'{type(self).__name__} ({self.prefix}) needs true boxes, and {first.get("img_path", "the data set")} '
                'has none: give the data set a box reader (boxes of WSOLDataset), or leave this metric out'
            )
        if not any(dataset.get_data_info(index)['instances'] for index in range(len(dataset))):
            raise ValueError(
                f'{type(self).__name__} ({self.prefix}): none of the {len(dataset)} images of the data set has a '
                'true box: give boxes of some images, or leave this metric out'
            )

    def keep(self, sample: dict, scored: Any, protocol: Protocol, has_object: bool = True) -> None:
        """Keep the row that was made of a sample.

        Args:
            sample: The sample.
            scored: The row.
            protocol: The rules by which it was made.
            has_object: Whether the image shows an object.

        Raises:
            ValueError: If it is no mapping, or has a column that is added
                here.
        """
        if not isinstance(scored, Mapping):
            raise ValueError(
                f'{type(self).__name__}: score must return a dict of column names and values, got '
                f'{type(scored).__name__}'
            )
        added = dict(
            map_kind=self._kind_of(sample),
            threshold=protocol.threshold,
            threshold_source=self._source.value if self.uses_threshold else None,
        )
        for column in ('img_path', *added, 'set_name'):
            if column in scored:
                raise ValueError(
                    f'{type(self).__name__}: every row has a column {column!r}: let score name its own otherwise'
                )
        row = dict(img_path=sample_name(sample), **scored, **added)
        if (set_name := sample.get('set_name')) is not None:
            row['set_name'] = set_name
        self.results.append(_Kept(sample_key(sample), row['img_path'], set_name, row, has_object))

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather from all processes and summarise.

        Args:
            size: Number of images in the data set.

        Returns:
            Names, with the prefix, and values; the same in every process.

        Raises:
            ValueError: If an image is missing or was scored twice, or as
                :meth:`summarise` does.
        """
        used = all_gather_object(self._used)
        gathered = self.gather(size)
        self._used, self._size, self.result, self.set_results = _Used.union(used), size, None, []
        # All processes must hear of an error, or they would wait for ever.
        computed: list[Any] = [None]
        failure: Exception | None = None
        if is_main_process():
            try:
                computed = [{f'{self.prefix}/{key}': value for key, value in self.compute_metrics(gathered).items()}]
            except Exception as error:
                failure = error
                known = isinstance(error, ValueError)
                computed = [ValueError(str(error)) if known else RuntimeError(f'{type(error).__name__}: {error}')]
        self._used = _Used()
        broadcast_object_list(computed)
        if failure:
            raise failure
        if isinstance(computed[0], Exception):
            raise computed[0]
        return computed[0]

    def gather(self, size: int) -> list:
        """Gather whatever was kept in all processes, and forget it.

        Args:
            size: Number of images in the data set.

        Returns:
            The argument of :meth:`merge`, in the main process.
        """
        folder = self.collect_dir if self.collect_device == 'cpu' else None
        gathered = collect_results(self.results, size, self.collect_device, tmpdir=folder)
        self.results.clear()
        return gathered

    def merge(self, gathered: list) -> 'dict[str | None, Merged]':
        """Merge the parts that were gathered.

        Args:
            gathered: Result of :meth:`gather`.

        Returns:
            All images under ``None``, and those of each set, where there are
            several, under its name.

        Raises:
            ValueError: If an image was scored twice.
        """
        seen = set()
        parts: dict[str | None, list[_Kept]] = {None: gathered}
        for kept in gathered:
            if kept.key is not None and kept.key in seen:
                raise ValueError(f'{kept.name}: the image was scored twice')
            seen.add(kept.key)
            if kept.set_name is not None:
                parts.setdefault(kept.set_name, []).append(kept)
        return {
            name: Merged(
                [kept.row for kept in part if kept.row is not None],
                len(part),
                sum(kept.has_object for kept in part),
            )
            for name, part in parts.items()
        }

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Make the result, in the main process.

        Args:
            results: Result of :meth:`gather`.

        Returns:
            Names, without the prefix, and values; those of single sets begin
            with ``SET/``.

        Raises:
            ValueError: For the same reasons as :meth:`evaluate`.
        """
        sets = self.merge(results)
        scored, images, with_object = whole = sets.pop(None)
        if not images or images != self._size:
            raise ValueError(f'{type(self).__name__}: {images} images were scored, but the data set has {self._size}')
        if not with_object:
            raise ValueError(f'{type(self).__name__}: none of the {images} images has a {self.truth} to compare with')
        named = {name: part for name, part in sets.items() if part.with_object}
        self.set_results = [self._result(f'{self.prefix}/{name}', part) for name, part in named.items()]
        # The last one, since a sweep leaves the thresholds that it has chosen.
        self.result = self._result(str(self.prefix), whole)
        if isinstance(scored, list):
            self.result.rows = scored
        scalars = self.result.scalars()
        for name, result in zip(named, self.set_results, strict=True):
            scalars.update({f'{name}/{key}': value for key, value in result.scalars().items()})
        return scalars

    def _result(self, name: str, part: 'Merged') -> MetricResult:
        scored, images, with_object = part
        return MetricResult(
            name=name,
            metric=type(self).__name__,
            protocol=replace(self.protocol, threshold=self._used.threshold),
            map_kind=self.scored_kind,
            images=images,
            numbers=[self._complete(number) for number in self.summarise(scored, with_object)],
            curves=self.curves(scored, with_object),
            with_object=with_object,
            truth=self.truth,
        )

    @property
    def scored_kind(self) -> str:
        """Name of the kind of map that was scored, while numbers are made; ``'maps'`` for maps of other code.

        Raises:
            ValueError: If there were several.
        """
        if len(self._used.kinds) != 1:
            raise ValueError(
                f'{type(self).__name__}: the maps are of several kinds, {", ".join(sorted(self._used.kinds))}: '
                'name one of them in map_kind'
            )
        return next(iter(self._used.kinds))

    def _kind_of(self, sample: dict) -> str:
        if 'class_maps' not in sample:
            raise ValueError(f'{sample_name(sample)}: no maps to score (class_maps); a head that localises makes them')
        return (localising_kind(sample) or 'maps') if self.map_kind == 'maps' else self.map_kind

    def _complete(self, number: Number) -> Number:
        number = replace(number, value=self._plain(number.name, number.value))
        if number.count is not None:
            number = replace(number, count=self._plain(number.name, number.count))
        if not (self.uses_threshold and number.uses_threshold) or number.source is not None:
            return number
        return replace(number, threshold=self._used.threshold, source=self._source)

    def _plain(self, name: str, value: Any) -> Any:
        """A number of Python, which JSON can hold, for one of NumPy or PyTorch."""
        with suppress(AttributeError, RuntimeError, ValueError):  # no array, or one of several numbers
            value = value.item()
        if not isinstance(value, int | float):
            raise ValueError(f'{type(self).__name__}: {name!r} must be one number, got {value!r}')
        return value


class Merged(NamedTuple):
    """Images of all processes, of one set or all.

    Attributes:
        scored: The argument of :meth:`BaseLocMetric.summarise`.
        images: Number of all images.
        with_object: Number of those that show an object.
    """

    scored: Any
    images: int
    with_object: int


class _Kept(NamedTuple):
    """An image as it is gathered: its key, path and set, its row if it has one, and whether it shows an object."""

    key: Any
    name: str
    set_name: str | None
    row: dict[str, Any] | None
    has_object: bool


@dataclass
class _Used:
    """The kinds of map and the thresholds at which samples were scored."""

    kinds: set[str] = field(default_factory=set)
    thresholds: set[float] = field(default_factory=set)

    @property
    def threshold(self) -> float | None:
        """The threshold, where all samples had the same."""
        return next(iter(self.thresholds)) if len(self.thresholds) == 1 else None

    @classmethod
    def union(cls, parts: Sequence['_Used']) -> '_Used':
        """Join the parts of all processes."""
        return cls(set().union(*(part.kinds for part in parts)), set().union(*(part.thresholds for part in parts)))


@cache
def _with_threshold(protocol: Protocol, threshold: float) -> Protocol:
    return replace(protocol, threshold=threshold)


def level_suffix(level: float, levels: Sequence[float]) -> str:
    """Tell the numbers of several IoU levels apart: ``_iou50``; nothing where there is one level."""
    return '' if len(levels) == 1 else f'_iou{round(100 * level, 2):g}'
