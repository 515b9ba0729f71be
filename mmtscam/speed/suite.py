"""All that is to be known of a GPU, stage by stage."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from .comparison import compare
from .golden import golden_differences
from .inputs import image_files
from .metrics import compare_metrics
from .settings import Setting, Way
from .waits import build_profile
from .worker import Task, WorkerError, start_workers

_BASELINE, _FP32, _BF16 = Way('baseline'), Way('ours'), Way('ours', 'bf16')
_COMPILED = Way('ours', 'bf16', compiled=True)


@dataclass(frozen=True)
class SuiteSize:
    """How much the suite does.

    Args:
        device: Where models compute.
        batch_sizes: Images a batch, by workload.
        batches: Batches a round.
        rounds: How often each way is measured.
        sides: Sides of the inputs in pixels: that of the config, and a large
            one for memory.
        images: Images for loading and for metrics.
        workloads: Workloads that are compared of each method, in the order of the
            configs.
        ways: Ways to do it.
        golden_compiled: Kinds of code in which the golden numbers are
            computed: with ``torch.compile`` or without.
        cfg_options: Settings of the configs to override.
    """

    device: str = 'cuda'
    batch_sizes: dict[str, int] = field(default_factory=lambda: dict(train=128, evaluate=128))
    batches: int = 10
    rounds: int = 3
    sides: tuple[int, int] = (224, 1024)
    images: int = 64
    workloads: tuple[tuple[str, ...], ...] = (('evaluate', 'train'),) * 2
    ways: tuple[Way, ...] = (_BASELINE, _FP32, _BF16, _COMPILED)
    golden_compiled: tuple[bool, ...] = (False, True)
    cfg_options: dict[str, Any] = field(default_factory=dict)


# Goes through all stages on CPUs, so that they stay sound. Its figures mean nothing.
DRY_RUN = SuiteSize(
    device='cpu',
    batch_sizes=dict(train=2, evaluate=2),
    batches=1,
    rounds=1,
    sides=(32, 48),
    images=2,
    workloads=(('evaluate',), ('train',)),
    ways=(_BASELINE, _BF16),  # compiling takes minutes on a CPU
    golden_compiled=(False,),
    cfg_options={
        'model.backbone.arch': dict(_delete_=True, embed_dims=36, num_layers=3, num_heads=3, feedforward_channels=144),
        'model.head.in_channels': 36,
    },
)


class StageResult(NamedTuple):
    """The outcome of a stage.

    Attributes:
        name: Name of the stage.
        seconds: How long it took.
        rows: Rows of the table: what was measured, and the figure in words.
        data: Everything that was measured, as plain data for JSON; ``None``
            where the stage failed or was left out.
        problem: Why there is no result, or what is wrong with it.
    """

    name: str
    seconds: float
    rows: list[tuple[str, str]]
    data: Any = None
    problem: str | None = None


def run_suite(
    configs: dict[str, str],
    golden: str,
    size: SuiteSize,
    seconds: float,
    on_stage: Callable[[str], Any] = lambda name: None,
) -> Iterator[StageResult]:
    """Go through all stages; one that fails does not stop the others.

    Args:
        configs: Config files by the name of the method. The first one is also
            used for memory, waits and loading.
        golden: File of the reference's numbers, see
            :func:`~.golden.golden_differences`.
        size: How much to do.
        seconds: No stage begins after so many seconds.
        on_stage: Called with the name of each stage before it begins.

    Yields:
        The outcome of each stage.
    """
    start = time.perf_counter()
    for name, stage in _stages(configs, golden, size):
        begun = time.perf_counter()
        if begun - start > seconds:
            yield StageResult(name, 0.0, [], problem=f'left out: {seconds:.0f} s were over')
            continue
        on_stage(name)
        try:
            rows, data, problem = stage()
        except (OSError, ValueError, WorkerError) as error:
            rows, data, problem = [], None, str(error)
        yield StageResult(name, time.perf_counter() - begun, rows, data, problem)


_Outcome = tuple[list[tuple[str, str]], Any, str | None]


def _stages(configs: dict[str, str], golden: str, size: SuiteSize) -> Iterator[tuple[str, Callable[[], _Outcome]]]:
    first = next(iter(configs.values()))
    yield 'golden numbers', partial(_golden, golden, size)
    for (method, config), workloads in zip(configs.items(), size.workloads, strict=False):
        for workload in workloads:
            yield f'{method}, {workload}', partial(_compare, _setting(config, workload, size), size.ways, size.rounds)
    for workload in ('evaluate', 'train'):
        yield f'waits, {workload}', partial(_waits, _setting(first, workload, size), size)
    large = replace(_setting(first, 'predict', size), batch_size=1, input_size=size.sides[1])
    yield f'memory at {size.sides[1]}', partial(_compare, large, [way for way in size.ways if not way.compiled], 1)
    yield 'loading', partial(_load, first, size)
    yield 'metrics', partial(_metrics, size)


def _setting(config: str, workload: str, size: SuiteSize) -> Setting:
    return Setting(
        config,
        workload,
        batch_size=size.batch_sizes.get(workload, 1),
        input_size=size.sides[0],
        batches=size.batches,
        device=size.device,
        cfg_options=size.cfg_options,
    )


def _in_worker(name: str, build: Callable[[], Task], device: str) -> Any:
    with start_workers([(name, build)], device) as (worker,):
        return worker.run().result


def _golden(path: str, size: SuiteSize) -> _Outcome:
    task = partial(golden_differences, path, size.device, size.golden_compiled)
    found = _in_worker('golden numbers', partial(partial, task), size.device)
    rows = []
    for precision, compiled in dict.fromkeys((each.precision, each.compiled) for each in found):
        worst = max(
            (each for each in found if (each.precision, each.compiled) == (precision, compiled)),
            key=lambda each: each.difference / each.tolerance,
        )
        name = f'{precision}{", compiled" if compiled else ""}'
        rows.append((name, f'{worst.difference:.1e} of {worst.tolerance:.0e} allowed, {worst.quantity}'))
    wrong = [each for each in found if not each.agrees]
    problem = f'{len(wrong)} of {len(found)} quantities differ from the reference' if wrong else None
    return rows, [each._asdict() for each in found], problem


def _compare(setting: Setting, ways: Sequence[Way], rounds: int) -> _Outcome:
    found = compare(setting, ways, rounds)
    rows = []
    for name, way in found['ways'].items():
        speedup, above = way['speedup'], way['memory']['above']
        memory = 'not measured' if above is None else f'{above / 2**20:,.0f} MiB above own'
        rows.append(
            (
                name,
                f'{1e3 * way["seconds_per_image"]["median"]:.3f} ms an image, {speedup["median"]:.2f} '
                f'({speedup["min"]:.2f} to {speedup["max"]:.2f}), {memory}',
            )
        )
    return rows, found, None


def _waits(setting: Setting, size: SuiteSize) -> _Outcome:
    found = _in_worker(f'waits, {setting.workload}', partial(build_profile, setting, _BF16), size.device)
    rows = [] if found.busy is None else [('device busy', f'{100 * found.busy:.0f} % of the time')]
    for counts in (found.looks, found.waits, found.places):
        rows += [(name, f'{count:g} a batch') for name, count in counts.items()]
    return rows, found._asdict(), None


def _load(config: str, size: SuiteSize) -> _Outcome:
    setting = Setting(config, 'load')
    with image_files(setting.load(), size.images) as files:
        return _compare(replace(setting, **files), (_BASELINE, _FP32), size.rounds)


def _metrics(size: SuiteSize) -> _Outcome:
    found = list(compare_metrics(size.images, size.rounds))
    rows = [(each.name, f'{1e3 * min(each.ours) / each.images:.2f} ms an image') for each in found]
    return rows, [each._asdict() for each in found], None
