"""Command lines."""

from collections.abc import Iterator

from .case import REFUSED, Case, Ground


def cases(ground: Ground) -> Iterator[Case]:
    out = ground.folder('command lines')
    there = str(ground.place('lines/there.json', '{}'))
    model, photo = [str(ground.config), str(ground.checkpoint)], str(ground.photo)
    test = ['test.py', *model, '--work-dir', str(out)]
    demo = ['image_demo.py', photo, *model]
    label = ['dataset_converters/pseudo_label.py', *model, '--out']
    export = ['deployment/export.py', *model, '--out']
    config = model[0]
    on_others = ['--cfg-options', 'val_dataloader.dataset.dataset.split=train']
    lines: dict[str, list[tuple[list[str], str]]] = {
        'command lines: files that are not there': [
            (['train.py', config, '--resume', '/nowhere.pth', '--work-dir', str(out)], '/nowhere.pth'),
            (['test.py', config, '/nowhere.pth'], '/nowhere.pth'),
            ([*test, '--thresholds', '/nowhere.json'], '/nowhere.json'),
            ([*export, str(out / 'a.onnx'), '--verify', '/nowhere.jpg'], '/nowhere.jpg'),
            (['deployment/onnx_demo.py', photo, '/nowhere.onnx'], '/nowhere.onnx'),
            (['analysis/report.py', '/nowhere'], '/nowhere'),
            (['analysis/evaluate_maps.py', '/nowhere.npz'], '/nowhere.npz'),
            (['analysis/evaluate_boxes.py', '/nowhere.json', there], '/nowhere.json'),
            (['analysis/get_flops.py', '/nowhere.py'], '/nowhere.py'),
            (['analysis/choose_threshold.py', config, '/nowhere.pth', '--out', str(out / 't.json')], '/nowhere.pth'),
            (['check_data/cub.py', '/nowhere'], '/nowhere'),
            (['check_data/custom.py', '/nowhere'], '/nowhere'),
            (['check_data/ilsvrc.py', '/nowhere'], '/nowhere'),
            (['check_data/openimages.py', '/nowhere', '--metadata', '/nowhere'], '/nowhere'),
            (['model_converters/reference_to_mmtscam.py', '/nowhere.pth', str(out / 'b.pth')], '/nowhere.pth'),
        ],
        'command lines: flags and values': [
            (['train.py'], 'config'),
            (['train.py', config, '--colour'], '--colour'),
            (['train.py', config, '--cfg-options', 'a'], "'a'"),
            ([*test, '--ten-crop', '--zoom'], '--zoom'),
            ([*demo, '--topk', '0'], '--topk'),
            ([*demo, '--class', 'unicorn'], 'unicorn'),
            ([*demo, '--threshold', '2'], 'threshold'),
            ([*demo, '--map-kind', 'mine'], 'mine'),
            ([*demo, '--batch-size', '0'], 'batch'),
            ([*demo, '--device', 'abacus'], 'abacus'),
            ([*demo, '--device', 'meta'], 'meta'),
            ([*demo, '--out-dir', ''], '--out-dir'),
            ([*demo, '--pred-score-thr', 'nan'], 'score'),
            ([*demo, '--cfg-options', 'test_dataloader.dataset.pipeline.1.scale=(4,4)'], 'scale'),
            (['image_demo.py', '', *model], 'empty'),
            ([*demo, '--pred-formats', 'xml'], 'xml'),
            ([*demo, '--layers', '99'], '99'),
            ([*label, str(out / 'a.json'), '--data', 'holiday'], 'holiday'),
            ([*label, str(out / 'a.json'), '--score-thr', '7'], 'score'),
            ([*export, str(out / 'a.onnx'), '--input-size', '0'], 'size'),
            (['analysis/get_flops.py', config, '--shape', '0'], '--shape'),
            (['visualization/paper_figures.py', 'figure-99'], 'figure-99'),
        ],
        'command lines: results': [
            ([*test, '--out', str(out / 'a.txt')], 'a.txt'),
            (['dataset_converters/pseudo_label.py', *model], '--out'),
            ([*label, there], 'there.json'),
            (['dataset_converters/wsol_to_coco.py', config, '--out', there], 'there.json'),
            ([*export, str(out / 'a.xyz')], 'a.xyz'),
            ([*test, '--report-dir', there], 'there.json'),
            ([*test, '--show-dir', there], 'there.json'),
            # No user may write there, root included.
            ([*test, '--report-dir', '/proc/report'], '/proc/report: cannot be written'),
            ([*test, '--save-maps', '/proc/maps.npz'], '/proc/maps.npz: cannot be written'),
            ([*test, '--out', '/proc/a.pkl'], '/proc/a.pkl: cannot be written'),
            ([*demo, '--out-dir', '/proc/found'], '/proc/found: cannot be written'),
            ([*label, '/proc/boxes.json'], '/proc/boxes.json: cannot be written'),
            ([*export, '/proc/a.onnx'], '/proc/a.onnx: cannot be written'),
            (
                ['dataset_converters/wsol_to_coco.py', config, '--out', '/proc/a.json'],
                '/proc/a.json: cannot be written',
            ),
            (
                ['analysis/choose_threshold.py', *model, '--out', '/proc/t.json', '--work-dir', str(out), *on_others],
                '/proc/t.json: cannot be written',
            ),
            (
                ['visualization/paper_figures.py', 'layers', photo, *model, '--out', '/proc/a.pdf'],
                '/proc/a.pdf: cannot be written',
            ),
        ],
    }
    for kind, commands in lines.items():
        for number, (words, named) in enumerate(commands):
            yield Case(kind, f'{number}: {words[0]}', words, REFUSED, (named,))
