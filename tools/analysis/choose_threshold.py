"""Choose thresholds on a validation split: python tools/analysis/choose_threshold.py CONFIG CHECKPOINT --out FILE."""

import argparse

from mmtscam.utils.cli import add_model_arguments, add_runner_arguments, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Sweep thresholds on the images of val_dataloader, for every protocol and kind of map in '
        'test_evaluator, and write the best to a file for tools/test.py --thresholds.'
    )
    add_model_arguments(parser)
    parser.add_argument('--out', required=True, help='file for the thresholds (.json)')
    add_runner_arguments(parser)
    args = parser.parse_args()
    if not args.out.endswith('.json'):
        parser.error(f'--out {args.out}: the name must end in .json')
    return args


def main() -> None:
    args = parse_args()
    from mmengine.dist import is_main_process
    from mmengine.registry import init_default_scope

    from mmtscam.engine.run_origin import run_origin
    from mmtscam.engine.runner import build_runner, evaluation_config
    from mmtscam.evaluation import check_disjoint, print_choices, save_thresholds, sweeps_for
    from mmtscam.registry import DATASETS
    from mmtscam.utils.files import check_writable

    cfg = evaluation_config(args)
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    try:
        images = check_disjoint(
            DATASETS.build(cfg.val_dataloader.dataset.copy()), DATASETS.build(cfg.test_dataloader.dataset.copy())
        )
        sweeps = sweeps_for(cfg.test_evaluator)
    except (ValueError, OSError) as error:
        raise ValueError(f'{args.config}: {error}') from error

    cfg.test_dataloader = cfg.val_dataloader
    cfg.test_evaluator = sweeps
    cfg.default_hooks.pop('report', None)  # the best here is a choice, not a result
    runner = build_runner(cfg)
    if is_main_process():
        check_writable(args.out)
    runner.test()
    if is_main_process():
        choices = [metric.best for metric in runner.test_evaluator.metrics]
        save_thresholds(args.out, choices, images, run_origin(runner))
        print_choices(choices, runner.test_evaluator.metrics[0].result.counts)
        print(f'Written: {args.out}')


if __name__ == '__main__':
    run(main)
