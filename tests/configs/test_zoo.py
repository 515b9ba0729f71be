"""The tables of configs agree with ``configs/metafile.yml``, and lead to what was measured."""

import re
from pathlib import Path

import pytest
from mmengine.fileio import load

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PAGES = sorted(CONFIGS.glob('**/README.md'))
MODELS = load(CONFIGS / 'metafile.yml')['Models']
# The results on the pages were measured with these.
CNN_METHODS = (
    *('cam', 'has', 'cutmix', 'adl', 'acol', 'spg', 'rcam', 'eil', 'meil', 'spa', 'danet', 'i2c', 'gcnet'),
    *('sem', 'scg', 'backprop', 'grabcut', 'gradcam'),
)
RUN = (
    'tscam_deit-t_cub_released',
    'transattention_deit-t_cub_released',
    'sat_deit-t_cub',
    'sat-zoom_deit-t_cub',
    'scm_deit-t_cub',
    'trilite_deit-t_cub',
    *(f'{method}_efficientnet-lite0_cub10' for method in CNN_METHODS),
    'tscam_vit-mini_sample',
    'classifier_vit-mini_sample',
    'faster-rcnn_tscam-deit-t_sfp_cub10_pseudo',
    'faster-rcnn_tscam-deit-t_sfp_cub10_oracle',
)


def cells(line):
    return [cell.strip() for cell in line.strip('|').split('|')]


def read_rows(page):
    """Each row that begins with a link to a config, as a dict of its columns; ``config`` is the path in ``configs``."""
    header = []
    for line in page.read_text('utf-8').splitlines():
        if line.startswith('| config |'):
            header = cells(line)
        elif link := re.match(r'\| \[(.*?)\]\((.*?\.py)\) \|', line):
            config = (page.parent / link[2]).relative_to(CONFIGS)
            assert link[1] == str((page.parent / link[2]).with_suffix('').relative_to(page.parent))
            yield dict(zip(header, cells(line), strict=True)) | dict(config=str(config), page=page)


ROWS = [row for page in PAGES for row in read_rows(page)]


def anchors(page):
    """The anchors that GitHub gives to the headings."""
    headings = re.findall(r'^#+ (.*)$', page.read_text('utf-8'), re.MULTILINE)
    return [re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings]


def test_every_config_has_one_row():
    assert sorted(row['config'] for row in ROWS) == sorted(entry['Config'].removeprefix('configs/') for entry in MODELS)


@pytest.mark.parametrize('entry', MODELS, ids=lambda entry: entry['Name'])
def test_row(entry):
    (row,) = (row for row in ROWS if row['config'] == entry['Config'].removeprefix('configs/'))
    published = row.get('published', '')
    expected = [result['Metrics'] for result in entry.get('Results', [])]
    if expected:
        metrics = expected[0]
        if (first := next(iter(metrics))).startswith('Top-1 Loc'):  # a paper may leave out one of the three
            source = first.removeprefix('Top-1 Loc')
            names = [f'{name}{source}' for name in ('Top-1 Loc', 'Top-5 Loc', 'GT-known Loc')]
            assert set(metrics) <= set(names)
            metrics = {name: metrics.get(name, '\u2013') for name in names}
        numbers = ' / '.join(str(value) for value in metrics.values())
        assert published.startswith(f'{numbers} (')
        assert published.removeprefix(numbers).strip(' ()') in next(iter(expected[0]))
    else:
        assert not published
    # A config that was run leads to its results; each number stands in one place.
    if entry['Name'] in RUN:
        assert re.search(r'\]\(#(.*)\)', row['ours'])[1] in anchors(row['page'])
    else:
        assert row['ours'] == 'not run here'
