import re
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'analysis' / 'estimate_area.py'


def test_it_prints_the_setting(tiny_config, checkpoint, tmp_path, run_here):
    tiny_config.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
    tiny_config.dump(tmp_path / 'tiny.py')
    output = run_here('python', TOOL, tmp_path / 'tiny.py', '--images', '10').stdout
    mean, low, high, setting = re.fullmatch(
        r'The object fills (\S+) of an image on average, and (\S+) to (\S+) of 80 % of them\n'
        r'\(10 training images, class attention of the pretrained backbone\)\n'
        r'A head that holds an area, such as SATHead, takes it: model\.head\.area=(\S+)\n',
        output,
    ).groups()
    assert 0 < float(low) < float(mean) < float(high) < 1
    assert setting == mean
    tiny_config.model.head.type = 'SATHead'
    tiny_config.model.backbone.type = 'SATDeiT'
    tiny_config.dump(tmp_path / 'sat.py')
    output = run_here('python', TOOL, tmp_path / 'sat.py', '--images', '10').stdout
    assert output.endswith(f'Train with --cfg-options model.head.area={setting}\n')


def test_errors_are_one_line(tiny_config, tmp_path, run_here):
    tiny_config.dump(tmp_path / 'tiny.py')
    output = run_here('python', TOOL, tmp_path / 'tiny.py', code=1).stdout
    assert output == (
        f'{tmp_path}/tiny.py: needs a backbone with pretrained weights: set model.backbone.init_cfg.checkpoint '
        '(in the config, or with --cfg-options)\n'
    )
    output = run_here('python', TOOL, tmp_path / 'tiny.py', '--images', '0', code=2).stdout
    assert '--images' in output and 'at least 1' in output
