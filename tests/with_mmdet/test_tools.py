import json
import pickle
import subprocess
import sys
from pathlib import Path

import compiled_ops  # noqa: F401 - skips this module without them
import mmdet

TOOLS = Path(mmdet.__file__).parent / '.mim' / 'tools'
SCRIPT = """
import json, sys
from mmdet.apis import DetInferencer, inference_detector, init_detector
image, config, checkpoint = sys.argv[1:]
found = DetInferencer(config, checkpoint, device='cpu', scope='mmtscam', show_progress=False)(image)['predictions'][0]
sample = inference_detector(init_detector(config, checkpoint, device='cpu'), image)
assert found['labels'] == sample.pred_instances.labels.tolist()
print('found', json.dumps(found['bboxes']))
"""


def _run(folder, *command):
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', *map(str, command)], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_train_test_and_predict(tiny_config, tmp_path):
    """mmdet's tools, in processes that nobody has told of mmtscam but the config."""
    tiny_config.pop('experiment_name')
    tiny_config.train_cfg.max_epochs = 1
    tiny_config.dump(tmp_path / 'tiny.py')
    (tmp_path / 'coco.py').write_text(
        "_base_ = './tiny.py'\ntest_evaluator = dict(_delete_=True, type='mmdet.CocoMetric', metric='bbox')\n"
    )
    _run(tmp_path, TOOLS / 'train.py', 'tiny.py', '--work-dir', 'run')
    checkpoint = tmp_path / 'run' / 'epoch_1.pth'
    printed = _run(
        tmp_path, TOOLS / 'test.py', 'coco.py', checkpoint, '--work-dir', 'test', '--out', 'test/predictions.pkl',
        '--show-dir', 'pictures', '--cfg-options', 'default_hooks.visualization.interval=4',
    )  # fmt: skip
    assert 'coco/bbox_mAP_50: ' in printed
    assert [path.name[:6] for path in sorted((tmp_path / 'pictures').iterdir())] == [
        f'{i:06d}' for i in range(0, 16, 4)
    ]
    with (tmp_path / 'test' / 'predictions.pkl').open('rb') as file:
        predictions = pickle.load(file)
    assert len(predictions) == 16
    first = predictions[0]
    assert first['pred_instances']['bboxes'].shape == (5, 4)
    assert first['class_maps']['maps'].shape[1:] == (10, 10)
    assert not {'gt_instances', 'ignored_instances'} & set(first)
    printed = _run(tmp_path, '-c', SCRIPT, first['img_path'], 'tiny.py', checkpoint)
    (boxes,) = [line for line in printed.splitlines() if line.startswith('found ')]
    for found, expected in zip(json.loads(boxes[6:]), first['pred_instances']['bboxes'].tolist(), strict=True):
        assert max(abs(one - other) for one, other in zip(found, expected, strict=True)) < 1e-3
