import json
import logging
from types import SimpleNamespace

import pytest
import torch
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
    told = r"class 3 is 'Billed_Lagoon' in the training data and 'Renamed' in the validation data \(missing: Billed_Lag"
    with pytest.raises(ValueError, match=told):
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


@pytest.fixture
def start(tiny_config, checkpoint):
    """Start a training from a checkpoint of these class names."""

    def start(classes, **changes):
        content = torch.load(checkpoint)
        content['meta']['dataset_meta']['classes'] = tuple(classes)
        torch.save(content, checkpoint)
        tiny_config.merge_from_dict(changes)
        Runner.from_cfg(tiny_config).train()

    return start


def test_a_start_from_the_same_classes_in_another_order_is_refused(start, tiny_config, checkpoint):
    one, other, *rest = tiny_config.classes
    told = rf"class 0 is '{other}' in \S+lively\.pth and '{one}' in the training data \(missing: none; new: none"
    with pytest.raises(ValueError, match=told):
        start([other, one, *rest], load_from=checkpoint)


def test_a_head_that_starts_from_a_classifier_in_another_order_is_refused(start, tiny_config, checkpoint):
    with pytest.raises(ValueError, match=r"class 0 is '\w+' in \S+lively\.pth and '\w+' in the training data"):
        start(reversed(tiny_config.classes), **{'model.head.init_classifier': checkpoint})


@pytest.mark.parametrize('resume', [False, True])
def test_other_classes_are_a_start_and_no_training_to_resume(tiny_config, resume, caplog):
    content = dict(meta=dict(dataset_meta=dict(classes=list('abcdefgh'))))
    if not resume:
        _check(tiny_config.train_dataloader.dataset, loaded=content)
        assert 'old.pth was trained on other classes than those of the training data: its weights are' in caplog.text
        return
    with pytest.raises(ValueError, match=r"class 0 is 'a' in old\.pth and '\w+' in the training data \(missing: a, b"):
        _check(tiny_config.train_dataloader.dataset, loaded=content, resume=True)


def test_unused_classes_are_warned_of(tiny_config, tmp_path):
    tiny_config.model.head.num_classes = 20
    Runner.from_cfg(tiny_config).test()
    (log,) = tmp_path.rglob('*.log')
    assert 'The highest label is 7, but the head has 20 classes' in log.read_text()


def _check(dataset, num_classes=8, loaded=None, resume=False):
    runner = SimpleNamespace(
        model=SimpleNamespace(head=SimpleNamespace(num_classes=num_classes), modules=tuple),
        _resume=resume,
        _load_from='old.pth',
        logger=logging.getLogger(),
        val_loop=None,
        train_dataloader=SimpleNamespace(dataset=DATASETS.build(dataset)),
    )
    hook = HOOKS.build(dict(type='LabelCheckHook'))
    if loaded:
        hook.after_load_checkpoint(runner, loaded)
    hook.before_train(runner)


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


def test_the_validation_data_are_checked_before_the_first_epoch(tiny_config):
    """Also where the classes differ, which the check of folders says too."""
    tiny_config.val_dataloader.dataset.metainfo = dict(classes=tiny_config.classes[::-1])
    runner = Runner.from_cfg(tiny_config)
    message = r"^class 0 is 'Crested_Zeb' in the training data and 'Visored_Wasp' in the validation data"
    with pytest.raises(ValueError, match=message):
        runner.train()
    assert runner.iter == 0


def test_several_labels_an_image(tmp_path):
    content = dict(
        metainfo=dict(classes=['cat', 'dog']),
        data_list=[dict(img_path='a.jpg', gt_label=[0]), dict(img_path='b.jpg', gt_label=[0, 1])],
    )
    (tmp_path / 'a.json').write_text(json.dumps(content))
    dataset = dict(type='mmpretrain.MultiLabelDataset', ann_file=str(tmp_path / 'a.json'))
    with pytest.raises(ValueError, match=r'^a\.jpg: needs one label, got \[0\]: a class is learnt and localized from'):
        _check(dict(type='WSOLDataset', dataset=dataset))
