from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.fileio import load
from mmengine.hub import get_config
from mmengine.infer import BaseInferencer

REPO = Path(__file__).resolve().parents[2]
METAFILES = load(REPO / 'model-index.yml')['Import']
COLLECTIONS = [entry for path in METAFILES for entry in load(REPO / path)['Collections']]
MODELS = [entry for path in METAFILES for entry in load(REPO / path)['Models']]
# Where quoted figures are from; every figure says it.
SOURCES = ('(paper)', "(authors' repository)")
RUNNABLE = sorted(
    str(path.relative_to(REPO))
    for path in REPO.glob('configs/**/*.py')
    if not {'_base_', 'comparisons'} & {*path.relative_to(REPO).parts}
)


def test_every_config_is_listed_once():
    assert sorted(entry['Config'] for entry in MODELS) == RUNNABLE


def test_file_names_are_unique():
    """mim finds a config by the name of its file."""
    names = [Path(path).name for path in RUNNABLE]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize('entry', MODELS, ids=lambda entry: entry['Name'])
def test_entry(entry):
    assert entry['Name'] == Path(entry['Config']).stem
    assert entry['In Collection'] in {collection['Name'] for collection in COLLECTIONS}
    assert entry['Metadata']['Training Data']
    # None are published.
    assert 'Weights' not in entry
    for result in entry.get('Results', []):
        assert result['Task'] == 'Weakly supervised object localization'
        assert all(key.endswith(SOURCES) and 0 < value < 100 for key, value in result['Metrics'].items())


@pytest.mark.parametrize('path', RUNNABLE)
@pytest.mark.slow
def test_mmengine_finds_it(path):
    name = path.removeprefix('configs/')
    # mmengine demands a folder in the name.
    name = name if '/' in name else f'_base_/../{name}'
    assert get_config(f'mmtscam::{name}').to_dict() == Config.fromfile(REPO / path).to_dict()


def test_mmengine_lists_the_models():
    assert BaseInferencer.list_models('mmtscam') == [entry['Name'] for entry in MODELS]
