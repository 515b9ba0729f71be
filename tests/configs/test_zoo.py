import re
from pathlib import Path

import pytest
from mmengine.fileio import load

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
MODELS = load(CONFIGS / 'metafile.yml')['Models']
# The configs with which README's results were measured.
RUN = (
    'tscam_deit-t_cub_released',
    'transattention_deit-t_cub_released',
    'tscam_vit-mini_sample',
    'classifier_vit-mini_sample',
    'faster-rcnn_tscam-deit-t_sfp_cub10_pseudo',
    'faster-rcnn_tscam-deit-t_sfp_cub10_oracle',
)
ROWS = dict(re.findall(r'^\| \[.*?\]\((.*?)\) (\|.*\|)$', (CONFIGS / 'README.md').read_text('utf-8'), re.MULTILINE))


def test_every_config_has_one_row():
    assert sorted(ROWS) == sorted(entry['Config'].removeprefix('configs/') for entry in MODELS)


@pytest.mark.parametrize('entry', MODELS, ids=lambda entry: entry['Name'])
def test_row(entry):
    _, _, published, ours = (cell.strip() for cell in ROWS[entry['Config'].removeprefix('configs/')].split('|')[:4])
    expected = [result['Metrics'] for result in entry.get('Results', [])]
    if expected:
        figures = ' / '.join(str(value) for value in expected[0].values())
        assert published.startswith(f'{figures} (')
        assert published.removeprefix(figures).strip(' ()') in next(iter(expected[0]))
    else:
        assert not published
    # Our own results say on which data they were measured, or that there are none.
    if entry['Name'] in RUN:
        assert re.match(r'([\d.]+ / [\d.]+ / [\d.]+, |classifies only).*(README\.md#|tools/)', ours)
    else:
        assert ours == 'not run here'
