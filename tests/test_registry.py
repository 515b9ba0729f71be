import pytest
from mmengine.registry import init_default_scope

from mmtscam import registry


@pytest.mark.parametrize(
    ('kind', 'name'),
    [
        ('MODELS', 'TSCAMDeiT'),
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
        ('VISUALIZERS', 'LocVisualizer'),
        ('FUNCTIONS', 'seed_worker'),
    ],
)
def test_the_scope_is_enough(kind, name):
    init_default_scope('mmtscam')
    found = getattr(registry, kind).get(name)
    assert found is not None
    assert found.__name__ == name.split('.')[-1]


def test_every_registry_of_mmengine_has_a_child_that_is_named_alike():
    from mmengine import registry as root

    ours = [value for value in vars(registry).values() if isinstance(value, root.Registry) and value.parent is not None]
    assert len(ours) == 22
    assert all(child.parent.name == child.name and child.scope == 'mmtscam' for child in ours)
