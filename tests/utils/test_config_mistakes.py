"""One sentence for what libraries say of a config, and none for what may be a bug."""

import os
import signal

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from mmtscam.registry import DATASETS, MODELS
from mmtscam.utils.config_mistakes import explain

PARTS = Registry('part')


@PARTS.register_module()
class Part:
    def __init__(self, size=1, then=None):
        if then == 'bug':
            [].pop()
        if then == 'own refusal':
            raise ValueError('size is odd')
        if then == 'parser':
            int('a')


class Sizes(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return torch.zeros(3, index + 4)


def explained(call):
    with pytest.raises(Exception) as caught:
        call()
    return explain(caught.value)


def test_an_argument_that_a_class_does_not_take():
    assert explained(lambda: PARTS.build(dict(type='Part', colour=3))) == (
        "Part.__init__() got an unexpected keyword argument 'colour': correct the config: it names this class with "
        'arguments that it does not take'
    )
    nested = dict(type='TSCAMDeiT', arch='deit-tiny', colour=3)  # handed on to mmpretrain's class
    assert "VisionTransformer.__init__() got an unexpected keyword argument 'colour'" in explained(
        lambda: MODELS.build(nested)
    )


def test_a_part_that_is_not_registered():
    for registry, kind in ((MODELS, 'model'), (DATASETS, 'dataset')):
        assert explained(lambda registry=registry: registry.build(dict(type='Nothing'))).startswith(
            f'Nothing: no {kind} of this name is registered: correct type in the config, or name the module'
        )


def test_what_a_library_refuses():
    said = explained(lambda: MODELS.build(dict(type='mmpretrain.SwinTransformer', arch=dict(a=1))))
    assert said.startswith('SwinTransformer: Custom arch needs a dict with keys ')
    assert said.endswith(': correct its arguments in the config')
    assert '\n' not in said


def test_a_config_without_a_model():
    assert explained(lambda: Runner.from_cfg(Config(dict(work_dir='a')))).startswith(
        'model: the config has no such key'
    )


def test_an_optimizer_that_is_not_known(tiny_config):
    tiny_config.optim_wrapper.optimizer.type = 'NoOptimizer'
    assert explained(Runner.from_cfg(tiny_config).train).startswith('NoOptimizer: no optimizer of this name')


@pytest.mark.parametrize(
    ('key', 'value', 'said'),
    [
        ('custom_hooks', [3], 'hook should be an instance of Hook or dict, but got 3: correct the config'),
        ('param_scheduler', [3], 'for multiple optimizers.: correct the config'),
        ('model.head.type', 3, "type must be a str or valid type, but got <class 'int'>: correct the config"),
        ('model.head.protocol', 3, 'a protocol is a name, a dict or a Protocol, got 3: correct the config'),
        ('optim_wrapper.optimizer.lr', 'fast', 'a number of optim_wrapper or param_scheduler in the config is none'),
    ],
)
def test_values_of_another_type(tiny_config, key, value, said):
    tiny_config.merge_from_dict({key: value})
    assert said in explained(lambda: Runner.from_cfg(tiny_config).train())


@pytest.mark.parametrize(
    ('key', 'section'),
    [
        ('train_cfg.max_epoch', 'train_cfg'),
        ('val_cfg', 'val_cfg'),
        ('test_cfg', 'test_cfg'),
        ('randomness.sed', 'randomness'),
        ('env_cfg.mp_cfg.colour', 'env_cfg'),
        ('log_processor.colour', 'log_processor'),
        ('train_dataloader.colour', 'the dataloader'),
        ('param_scheduler.0.colour', 'param_scheduler'),
    ],
)
def test_settings_that_mmengine_hands_on_itself(tiny_config, key, section):
    tiny_config.param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True)]
    value = dict(colour=3) if key == section else 3
    if key == section:
        tiny_config.pop(key)
    tiny_config.merge_from_dict({key: value})
    runs = Runner.test if section == 'test_cfg' else Runner.train
    said = explained(lambda: runs(Runner.from_cfg(tiny_config)))
    assert f"() got an unexpected keyword argument '{'colour' if key == section else key.rpartition('.')[2]}'" in said
    assert said.endswith(f': correct {section} in the config: it has this argument wrong, or lacks it')


@pytest.mark.parametrize('batch_size', [0, -1, 'many'])
def test_loaders(tiny_config, batch_size):
    tiny_config.train_dataloader.batch_size = batch_size
    assert explained(Runner.from_cfg(tiny_config).train).startswith('DataLoader: batch_size should be a positive')


@pytest.mark.parametrize('workers', [0, 1])
def test_sizes_within_a_batch(workers):
    loader = DataLoader(Sizes(), batch_size=2, num_workers=workers)
    assert explained(lambda: next(iter(loader))).startswith(
        'images of the sizes [3, 4] and [3, 5] cannot be in one batch: let the pipeline end'
    )


def test_files_that_a_worker_cannot_read(sample_set, tmp_path):
    (tmp_path / 'cat').mkdir()
    (tmp_path / 'cat' / 'a.jpg').write_text('no image')
    dataset = DATASETS.build(
        dict(
            type='WSOLDataset',
            dataset=dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path)),
            pipeline=[dict(type='LoadImageFromFile')],
        )
    )
    said = explained(lambda: next(iter(DataLoader(dataset, num_workers=1))))
    assert said == (
        f'{tmp_path}/cat/a.jpg: the image cannot be read or transformed: cannot identify image file; replace the file '
        'or take its row out'
    )


@pytest.mark.parametrize('then', ['bug', 'parser', 'own refusal'])
def test_other_errors_of_a_class_may_be_bugs(then):
    assert explained(lambda: PARTS.build(dict(type='Part', then=then))) is None


def test_other_errors():
    def raise_it(error):
        raise error

    for error in (
        KeyError('model'),
        TypeError('a() got an unexpected keyword argument'),
        RuntimeError(),
        IndexError('a'),
    ):
        assert explained(lambda error=error: raise_it(error)) is None


def test_a_bug_in_a_worker(tmp_path):
    class Broken(Sizes):
        def __getitem__(self, index):
            raise ValueError('a bug')

    assert explained(lambda: next(iter(DataLoader(Broken(), num_workers=1)))) is None


def test_a_pipeline_that_packs_nothing(tiny_config):
    tiny_config.test_dataloader.dataset.pipeline = []
    said = "a data set's pipeline gives no inputs: let PackLocInputs be its last step"
    assert explained(lambda: Runner.from_cfg(tiny_config).test()) == said


def test_the_best_number_of_no_metric(tiny_config):
    tiny_config.train_cfg.max_epochs = 1
    tiny_config.default_hooks.checkpoint.save_best = 'tscam/nothing'
    assert explained(Runner.from_cfg(tiny_config).train).startswith(
        'tscam/nothing: no metric of the validation has this name: let default_hooks.checkpoint.save_best be one'
    )


class Whole:
    """Another library's class under a user's: its own call is a bug, what it hands on may be a mistake in a config."""

    def __init__(self, size=1):
        pass


@PARTS.register_module()
class Derived(Whole):
    def __init__(self, bug=False, **kwargs):
        super().__init__(**kwargs)
        if bug:
            torch.nn.Conv2d(3, 4)


def test_arguments_that_are_handed_on_and_those_that_are_not():
    assert "Whole.__init__() got an unexpected keyword argument 'colour'" in explained(
        lambda: PARTS.build(dict(type='Derived', colour=3))
    )
    assert explained(lambda: PARTS.build(dict(type='Derived', bug=True))) is None


def test_a_stack_of_a_model_is_no_batch():
    assert explained(lambda: torch.stack([torch.zeros(2, 3), torch.zeros(2, 4)])) is None


@pytest.mark.parametrize('asked', [1, 4])
def test_a_worker_of_a_loader_that_is_killed(asked):
    with pytest.raises(RuntimeError) as caught:
        list(DataLoader(_Killed(), batch_size=1, num_workers=2, prefetch_factor=asked))
    assert explain(caught.value) == (
        'a process that reads images was killed, perhaps for lack of memory: have fewer (num_workers)'
    )


class _Killed(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return index
