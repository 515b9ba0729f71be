import logging
from types import SimpleNamespace

import pytest
from mmengine.runner import Runner

from mmtscam.registry import DATASETS, HOOKS


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


def _check(dataset, num_classes=8):
    runner = SimpleNamespace(
        model=SimpleNamespace(head=SimpleNamespace(num_classes=num_classes)),
        logger=logging.getLogger(),
        val_loop=None,
        train_dataloader=SimpleNamespace(dataset=DATASETS.build(dataset)),
    )
    HOOKS.build(dict(type='LabelCheckHook')).before_train(runner)


def test_data_sets_that_wrap_others_are_checked(tiny_config):
    dataset = tiny_config.train_dataloader.dataset
    for wrapper in (
        dict(type='RepeatDataset', times=2, dataset=dataset),
        dict(type='ConcatDataset', datasets=[dataset]),
    ):
        _check(wrapper)
        with pytest.raises(ValueError, match=r'Feelered_Plum_000\d\.jpg: label 5 is outside the 5 classes of the head'):
            _check(wrapper, num_classes=5)


def test_the_first_wrong_label_is_named_also_of_a_part(tiny_config):
    dataset = dict(tiny_config.train_dataloader.dataset, indices=[23, 0, 20])
    with pytest.raises(ValueError, match=r'Visored_Wasp_0003\.jpg: label 7 is outside the 5 classes'):
        _check(dataset, num_classes=5)


def test_images_without_labels_pass(sample_set):
    wrapped = dict(type='mmpretrain.CustomDataset', data_root=str(sample_set), data_prefix='images', with_label=False)
    _check(dict(type='WSOLDataset', dataset=wrapped))
