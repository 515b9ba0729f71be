import pytest
import torch
from mmengine.runner import Runner


@pytest.fixture
def checkpoint(tiny_config, tmp_path):
    """A checkpoint of the tiny model."""
    model = Runner.from_cfg(tiny_config).model
    path = tmp_path / 'model.pth'
    torch.save({'state_dict': model.state_dict()}, path)
    return str(path)


def test_matching_checkpoint_is_taken(tiny_config, checkpoint):
    tiny_config.update(load_from=checkpoint, experiment_name=f'{tiny_config.experiment_name}-2')
    runner = Runner.from_cfg(tiny_config)
    runner.load_or_resume()
    assert torch.equal(runner.model.head.conv.bias, torch.load(checkpoint)['state_dict']['head.conv.bias'])


@pytest.mark.parametrize(
    ('change', 'difference'),
    [
        (dict(embed_dims=64), 'instead of'),
        (dict(num_layers=3), 'backbone.layers.2.ln1.weight is missing'),
        (dict(num_layers=1), 'backbone.layers.1.ln1.weight is not in the model'),
    ],
)
def test_another_architecture_is_refused(tiny_config, checkpoint, change, difference):
    tiny_config.update(load_from=checkpoint, experiment_name=f'{tiny_config.experiment_name}-2')
    tiny_config.model.backbone.arch.update(change)
    tiny_config.model.head.in_channels = tiny_config.model.backbone.arch.embed_dims
    runner = Runner.from_cfg(tiny_config)
    with pytest.raises(ValueError, match=r'model\.pth: made for another architecture') as caught:
        runner.test()
    assert difference in str(caught.value)
