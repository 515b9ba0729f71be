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
        (dict(embed_dims=64), 'size mismatch for'),
        (dict(num_layers=3), 'Missing key(s) in state_dict: "backbone.layers.2.ln1.weight"'),
        (dict(num_layers=1), 'Unexpected key(s) in state_dict: "backbone.layers.1.ln1.weight"'),
    ],
)
def test_another_architecture_is_refused(tiny_config, checkpoint, change, difference):
    tiny_config.update(load_from=checkpoint, experiment_name=f'{tiny_config.experiment_name}-2')
    tiny_config.model.backbone.arch.update(change)
    tiny_config.model.head.in_channels = tiny_config.model.backbone.arch.embed_dims
    runner = Runner.from_cfg(tiny_config)
    with pytest.raises(
        ValueError, match=r'model\.pth: does not fit this config: its backbone seems to be a vision transformer'
    ) as caught:
        runner.test()
    assert difference in str(caught.value)


def test_another_input_size_is_taken(tiny_config, checkpoint):
    tiny_config.update(load_from=checkpoint, experiment_name=f'{tiny_config.experiment_name}-2')
    tiny_config.model.backbone.img_size = 160
    runner = Runner.from_cfg(tiny_config)
    runner.load_or_resume()
    assert runner.model.backbone.pos_embed.shape == (1, 401, 32)


def test_resume_names_the_file(tiny_config, tmp_path):
    tiny_config.train_cfg.max_epochs = 1
    Runner.from_cfg(tiny_config).train()
    tiny_config.update(resume=True, experiment_name=f'{tiny_config.experiment_name}-2')
    tiny_config.model.backbone.arch.num_layers = 3
    with pytest.raises(
        ValueError, match=r'epoch_1\.pth: does not fit this config: its backbone seems to be a vision transformer'
    ):
        Runner.from_cfg(tiny_config).train()
