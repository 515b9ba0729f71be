import re

import pytest
from PIL import Image

from mmtscam.speed import plot_growth


def _result(config='a/tiny.py', workload='predict', input_size=32, above=2**20, **times):
    ways = {
        name: dict(seconds_per_image=dict(min=time / 2, median=time, max=time * 2), memory=dict(above=above))
        for name, time in times.items()
    }
    return dict(config=config, workload=workload, input_size=input_size, tokens=input_size // 8, ways=ways)


def _texts(path):
    """Matplotlib writes each text beside its drawing."""
    return re.findall('<!-- (.*) -->', path.read_text())


def test_a_row_for_each_config_and_workload(tmp_path):
    results = [
        _result(config, workload, size, ours=size / 1e4, baseline=size / 1e3)
        for config, workload in (('a/tiny.py', 'predict'), ('a/tiny.py', 'train'), ('b/tiny.py', 'train'))
        for size in (32, 64)
    ]
    plot_growth(results, 'input_size', tmp_path / 'plot.png')
    with Image.open(tmp_path / 'plot.png') as image:
        assert (image.format, image.size) == ('PNG', (1500, 3 * 585))
    plot_growth(results, 'input_size', tmp_path / 'plot', 'svg')
    texts = _texts(tmp_path / 'plot')
    assert len(re.findall('id="axes_[0-9]+"', (tmp_path / 'plot').read_text())) == 6
    for title in ('tiny, predict', 'tiny, train'):
        for what in ('time an image', 'peak memory'):
            assert texts.count(f'{title}: {what}') == 1 + (title == 'tiny, train')
    assert texts.count('ours') == texts.count('baseline') == 6
    assert texts.count('input size in pixels, and patch tokens') == 6


def _svg(tmp_path, results, parameter='input_size'):
    plot_growth(results, parameter, tmp_path / 'plot.svg')
    return _texts(tmp_path / 'plot.svg')


def test_sizes_are_named_with_their_tokens(tmp_path):
    texts = ' '.join(_svg(tmp_path, [_result(input_size=size, ours=1.0) for size in (32, 96)]))
    assert re.search('32\\s+4 ', texts) and re.search('96\\s+12 ', texts)


def test_another_parameter(tmp_path):
    results = [{**_result(ours=1.0), 'batch_size': size} for size in (3, 24)]
    texts = _svg(tmp_path, results, 'batch_size')
    assert {'3', '24', 'batch size'} <= set(texts)


@pytest.mark.parametrize('above', [None, 0])
def test_memory_that_is_not_known(tmp_path, above):
    texts = _svg(tmp_path, [_result(input_size=size, above=above, ours=1.0) for size in (32, 64)])
    assert texts.count('ours') == 1  # in the legend of the times
