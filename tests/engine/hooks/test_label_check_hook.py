import pytest
from mmengine.runner import Runner


@pytest.mark.parametrize('phase', ['train', 'val', 'test'])
def test_label_outside_the_classes_names_the_image(tiny_config, phase):
    tiny_config.model.head.num_classes = 7  # the sample set has 8
    runner = Runner.from_cfg(tiny_config)
    with pytest.raises(ValueError, match=r'Visored_Wasp_000\d\.jpg: label 7 is outside the 7 classes of the head'):
        getattr(runner, phase)()


def test_renamed_class_is_refused_in_training(tiny_config):
    names = list(tiny_config.classes)
    names[3] = 'Renamed'
    tiny_config.val_dataloader.dataset.metainfo = dict(classes=names)
    with pytest.raises(ValueError, match=r'not those that were trained on \(missing: Billed_Lagoon; new: Renamed\)'):
        Runner.from_cfg(tiny_config).train()


def test_checkpoint_of_other_classes_is_refused_in_a_test(tiny_config):
    tiny_config.train_cfg.max_epochs = 1
    Runner.from_cfg(tiny_config).train()
    names = tuple(reversed(tiny_config.classes))
    tiny_config.test_dataloader.dataset.metainfo = dict(classes=names)
    tiny_config.update(
        load_from=f'{tiny_config.work_dir}/epoch_1.pth', experiment_name=f'{tiny_config.experiment_name}-2'
    )
    with pytest.raises(ValueError, match='in the same order'):
        Runner.from_cfg(tiny_config).test()


def test_unused_classes_are_warned_of(tiny_config, tmp_path):
    tiny_config.model.head.num_classes = 20
    Runner.from_cfg(tiny_config).test()
    (log,) = tmp_path.rglob('*.log')
    assert 'The highest label is 7, but the head has 20 classes' in log.read_text()
