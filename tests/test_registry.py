import pytest
from mmengine import registry as root
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import init_default_scope

from mmtscam import registry


@pytest.mark.parametrize(
    ('kind', 'name'),
    [
        ('MODELS', 'TSCAMDeiT'),
        ('MODELS', 'SimpleFeaturePyramid'),
        ('MODELS', 'TSCAMHead'),
        ('MODELS', 'mmpretrain.ImageClassifier'),
        ('DATASETS', 'WSOLDataset'),
        ('DATASETS', 'WSOLBenchmark'),
        ('DATASETS', 'mmpretrain.CUB'),
        ('TRANSFORMS', 'PackLocInputs'),
        ('TRANSFORMS', 'LoadImageFromFile'),
        ('METRICS', 'LocAccuracy'),
        ('METRICS', 'mmpretrain.Accuracy'),
        ('BOX_READERS', 'BenchmarkBoxes'),
        ('BOX_READERS', 'COCOBoxes'),
        ('BOX_READERS', 'CUBBoxes'),
        ('BOX_READERS', 'ILSVRCBoxes'),
        ('BOX_READERS', 'ILSVRCCSVBoxes'),
        ('BOX_READERS', 'VOCBoxes'),
        ('MASK_READERS', 'COCOMasks'),
        ('MASK_READERS', 'MaskImages'),
        ('MASK_READERS', 'OpenImagesMasks'),
        ('HOOKS', 'EpochSeedHook'),
        ('HOOKS', 'LabelCheckHook'),
        ('HOOKS', 'LocVisualizationHook'),
        ('HOOKS', 'StrictCheckpointHook'),
        ('HOOKS', 'CheckpointHook'),
        ('OPTIM_WRAPPER_CONSTRUCTORS', 'BiasRateConstructor'),
        ('VISUALIZERS', 'LocVisualizer'),
        ('FUNCTIONS', 'seed_worker'),
    ],
)
def test_the_scope_is_enough(kind, name):
    init_default_scope('mmtscam')
    found = getattr(registry, kind).get(name)
    assert found is not None
    assert found.__name__ == name.split('.')[-1]


def test_the_config_of_a_function_is_no_name():
    """mmengine's inferencers ask for a loader's whole ``collate_fn``, and take an AttributeError for none."""
    init_default_scope('mmtscam')
    cfg = Config(dict(test_dataloader=dict(collate_fn=dict(type='default_collate'))))
    with pytest.raises(AttributeError, match='is looked up by its name'):
        registry.FUNCTIONS.get(cfg.test_dataloader.collate_fn)
    with root.FUNCTIONS.switch_scope_and_registry('mmtscam') as functions:
        assert functions is registry.FUNCTIONS
    assert registry.FUNCTIONS.get('default_collate') is default_collate


def test_every_registry_of_mmengine_has_a_child_that_is_named_alike():
    ours = [value for value in vars(registry).values() if isinstance(value, root.Registry) and value.parent is not None]
    assert len(ours) == 22
    assert all(child.parent.name == child.name and child.scope == 'mmtscam' for child in ours)
