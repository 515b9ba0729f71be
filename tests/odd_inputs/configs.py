"""Config files and settings, through training."""

from collections.abc import Iterator
from pathlib import Path

from layouts import make_image_folders

from .case import EITHER, REFUSED, Case, Ground

_FILES = {
    'syntax': 'model = dict(\n',
    'empty': '',
    'raises': 'raise ValueError("no")\n',
    'base that is not there': "_base_ = './nowhere.py'\n",
    'unknown package': "_base_ = 'nowhere::a.py'\n",
    'own base': "_base_ = './own-base.py'\n",
    'a name that is not known': 'model = dict(type=nothing)\n',
}
_DATA = 'train_dataloader.dataset'
_UNKNOWN_FIELDS = {
    'the head': 'model.head',
    'the backbone': 'model.backbone',
    'the data set': _DATA,
    'the wrapped data set': f'{_DATA}.dataset',
    'a metric': 'val_evaluator.0',
    'the optimizer': 'optim_wrapper.optimizer',
    'a hook': 'default_hooks.logger',
}
_UNKNOWN_PARTS = {
    'head': 'model.head.type',
    'backbone': 'model.backbone.type',
    'data set': f'{_DATA}.dataset.type',
    'metric': 'val_evaluator.0.type',
    'hook': 'custom_hooks.0.type',
    'optimizer': 'optim_wrapper.optimizer.type',
    'transform': f'{_DATA}.pipeline.0.type',
    'protocol': 'val_evaluator.0.protocol',
    'kind of map': 'val_evaluator.0.map_kind',
}
# A setting, what the message names, and whether it may be right.
_VALUES = {
    'model.head.num_classes=3': ('num_classes',),
    'model.head.in_channels=7': ('in_channels',),
    'model.head.threshold=high': ('threshold',),
    'model.head.threshold=7': ('threshold',),
    'train_dataloader.batch_size=-1': ('batch_size',),
    'train_dataloader.batch_size=0': ('batch_size',),
    'train_dataloader.batch_size=many': ('batch_size',),
    'train_cfg.max_epochs=0': ('max_epochs',),
    'train_cfg.max_epochs=one': ('max_epochs',),
    'train_cfg.val_interval=0': ('val_interval',),
    'model.head=3': ('model.head',),
    f'{_DATA}.pipeline=3': ('pipeline',),
    'default_hooks.checkpoint=3': ('checkpoint',),
    f'{_DATA}.dataset.data_root=/nowhere': ('/nowhere',),
    f'{_DATA}.pipeline.0.scale=None': ('scale',),
    'model.backbone.arch.num_heads=3': ('num_heads',),
    'model.backbone.img_size=20': ('img_size', 'size'),
    'model.head.num_classes.x=1': ('num_classes',),
    'val_evaluator.9.protocol=tscam': ('Index 9',),
}
_MAYBE_RIGHT = ('model.head.threshold=7', 'model.backbone.img_size=20')
# Parts that do not go together.
_MISFITS = {
    'no boxes for LocAccuracy': ('val_dataloader.dataset.boxes=None', 'box reader'),
    'no masks for PixelAP': ('val_evaluator.0.type=PixelAP', 'mask reader'),
    'a head of feature maps': ('model.head.type=CAMHead', 'CAMHead'),
    'an arch of another backbone': ('model.backbone.type=mmpretrain.SwinTransformer', 'SwinTransformer'),
}


def cases(ground: Ground) -> Iterator[Case]:
    text = ground.config.read_text()
    kind = 'configs: files that cannot be read'
    for name, content in {**_FILES, 'no model': f'{text}\ndel model\n'}.items():
        path = ground.place(f'configs/{name}.py', content)
        yield _train(ground, kind, name, path, names=(path.name, 'nowhere', 'model'))
    yield _train(ground, kind, 'not there', ground.root / 'none.py', names=('none.py',))
    yield _train(ground, kind, 'other ending', ground.place('configs/a.txt', text), names=('a.txt',))
    for name, place in _UNKNOWN_FIELDS.items():
        option = f'{place}.colour=3'
        yield _train(ground, 'configs: unknown fields', name, ground.config, option, names=('colour',))
    for name, place in _UNKNOWN_PARTS.items():
        yield _train(
            ground, 'configs: unknown parts', name, ground.config, f'{place}=NoSuchPart', names=('NoSuchPart',)
        )
    for option, names in _VALUES.items():
        end = EITHER if option in _MAYBE_RIGHT else REFUSED
        yield _train(ground, 'configs: wrong values', option, ground.config, option, names=names, end=end)
    for name, (option, named) in _MISFITS.items():
        yield _train(ground, 'configs: parts that do not fit', name, ground.config, option, names=(named,))
    yield from _data(ground, text)


def _train(
    ground: Ground, kind: str, name: str, config: Path, *options: str, names: tuple[str, ...], end: str = REFUSED
) -> Case:
    words = ['train.py', str(config), '--work-dir', str(ground.folder(f'{kind}-{name}'))]
    return Case(kind, name, [*words, *(['--cfg-options', *options] if options else [])], end, names)


def _data(ground: Ground, text: str) -> Iterator[Case]:
    """Data of which the config or the first batch tells."""
    kind = 'configs: data that do not fit'

    def train(name: str, lines: str, *names: str) -> Case:
        return _train(ground, kind, name, ground.place(f'configs/{name}.py', f'{text}\n{lines}\n'), names=names)

    # Images of the sample set differ in size.
    steps = "[dict(type='LoadImageFromFile'), dict(type='PackLocInputs')]"
    yield train('sizes differ in a batch', f"train_dataloader['dataset']['pipeline'] = {steps}", 'one batch')

    root = make_image_folders(ground.root / 'unlike')
    for part in ('train', 'test'):
        (root / part / 'dog').rename(root / part / ('bird' if part == 'test' else 'dog'))

    def folder(part: str, more: str = '') -> str:
        wrapped = f"dict(type='mmpretrain.CustomDataset', data_root={str(root)!r}, data_prefix={part!r}{more})"
        loader = 'train_dataloader' if part == 'train' else 'val_dataloader'
        return f"{loader}['dataset'].update(dataset={wrapped}, boxes=None, metainfo={{}})"

    check = "model['head']['num_classes'] = 2\nval_evaluator = [dict(type='mmpretrain.Accuracy')]"
    yield train('other classes in validation', f'{folder("train")}\n{folder("test")}\n{check}', 'bird')
    yield train('a best number that is none', f'{folder("train")}\n{_VALIDATE_TRAIN}\n{check}', 'save_best')
    names = ", metainfo=dict(classes=('dog', 'cat'))"
    yield train('names in another order', f'{folder("train", names)}\n{check}', 'dog')
    names = ", metainfo=dict(classes=('a', 'b', 'c'))"
    yield train('more names than folders', f'{folder("train", names)}\n{check}', 'classes')

    listed = ground.place('unlike/several.txt', 'cat/1.jpg 0\ndog/1.jpg 0 1\n')
    several = f", ann_file={str(listed)!r}, metainfo=dict(classes=('cat', 'dog'))"
    lines = f'{folder("train", several)}\n{_VALIDATE_TRAIN}\n{check}'
    yield train('several labels an image', lines, 'several.txt', 'dog/1.jpg')
    wrapped = dict(type='mmpretrain.MultiLabelDataset', ann_file=str(ground.place('unlike/many.json', _MANY)))
    many = f"train_dataloader['dataset'].update(dataset={wrapped}, metainfo={{}})"
    yield train('a multi-label data set', f'{many}\n{check}', 'one label')
    bad = ground.place('unlike/words.txt', 'cat/1.jpg cat\n')
    words = f", ann_file={str(bad)!r}, metainfo=dict(classes=('cat', 'dog'))"
    yield train('labels of words', f'{folder("train", words)}\n{check}', 'words.txt')


_VALIDATE_TRAIN = (
    "val_dataloader['dataset'] = {**train_dataloader['dataset'], 'pipeline': val_dataloader['dataset']['pipeline']}"
)
_MANY = """{
    "metainfo": {"classes": ["cat", "dog"]},
    "data_list": [{"img_path": "cat/1.jpg", "gt_label": [0, 1]}, {"img_path": "dog/1.jpg", "gt_label": [1]}]
}"""
