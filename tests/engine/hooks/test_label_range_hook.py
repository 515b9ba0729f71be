import pytest
from mmengine.runner import Runner


@pytest.mark.parametrize('phase', ['train', 'val', 'test'])
def test_label_outside_the_classes_names_the_image(tiny_config, phase):
    tiny_config.model.head.num_classes = 7  # the sample set has 8
    runner = Runner.from_cfg(tiny_config)
    with pytest.raises(ValueError, match=r'Visored_Wasp_000\d\.jpg: label 7 is outside the 7 classes of the head'):
        getattr(runner, phase)()
