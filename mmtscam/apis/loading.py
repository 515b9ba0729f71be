"""Trained models from files."""

import contextlib
import copy
import os
import os.path as osp

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope

from mmtscam.models.checkpoints import classes_of, load_strictly, read_content
from mmtscam.models.heads import BaseLocHead
from mmtscam.registry import DATASETS, MODELS
from mmtscam.utils.class_names import check_same_classes
from mmtscam.utils.config import config_name, type_class
from mmtscam.utils.config_mistakes import built_part, explain
from mmtscam.utils.safe_loading import check_archive


def load_model(cfg: Config, checkpoint: str | os.PathLike, device: str = 'cpu') -> BaseModel:
    """Build the model of a config and load all of its weights; only tensors and plain data are unpickled.

    Args:
        cfg: A config with ``model``. Pretrained weights that it names are not
            looked for.
        checkpoint: A checkpoint of a run, or any file of this model that
            :func:`~mmtscam.models.checkpoints.read_weights` reads.
        device: Where the model goes.

    Returns:
        The model, in evaluation.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the config has no model, it cannot be built, the file
            cannot be read or holds another model, or the device is not there.
    """
    name, file = config_name(cfg), os.fspath(checkpoint)
    if 'model' not in cfg:
        raise ValueError(f'{name}: has no model')
    if '://' not in file and not osp.isfile(file):
        raise FileNotFoundError(f'{file}: checkpoint not found')
    if str(device).partition(':')[0] == 'meta':
        raise ValueError(f'device {device}: holds no numbers, so nothing can be computed there: use cpu or cuda')
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    content = read_content(file, 'the checkpoint')
    try:
        model = MODELS.build(copy.deepcopy(cfg.model))  # building fills in the config
    except Exception as error:  # whatever the parts of any model raise
        raise ValueError(f'{name}: its model cannot be built: {explain(error) or _with_part(error)}') from error
    load_strictly(model, content, file)
    try:
        return model.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f'device {device}: cannot be used: {str(error).splitlines()[0]}') from error


def _with_part(error: Exception) -> str:
    """The message of an error, and the part whose code has raised it, unless it is ours."""
    part = None if isinstance(error, ValueError) else built_part(error)
    return f'{part}: {type(error).__name__}: {error}' if part else str(error)


def check_localises(model: BaseModel, cfg: Config) -> BaseLocHead:
    """Return the head of a model that makes maps.

    Raises:
        ValueError: If its head makes none; names the config.
    """
    head = getattr(model, 'head', None)
    if not isinstance(head, BaseLocHead):
        raise ValueError(
            f'{config_name(cfg)}: its head, {type(head).__name__}, makes no maps: use a config whose head is a '
            'BaseLocHead, as the ones of mmtscam are'
        )
    return head


def class_names(cfg: Config, checkpoint: str | os.PathLike | None = None, count: int | None = None) -> tuple[str, ...]:
    """Names of a model's classes, as far as files tell them without the data.

    Args:
        cfg: A config, whose test data set may name its classes.
        checkpoint: A checkpoint; one of a run has the names of its data set,
            which come first.
        count: Number of the model's classes. The first ones of a checkpoint
            with more names are taken: the labels of its data set were below
            ``count``. A config's list of another length is passed over.

    Returns:
        The names by class index; empty where they are unknown.

    Raises:
        ValueError: If checkpoint and config have the same names in another
            order.
    """
    trained: tuple[str, ...] = ()
    if checkpoint is not None and osp.isfile(checkpoint):
        with contextlib.suppress(Exception):  # a file that cannot be mapped, which no run of ours writes
            check_archive(checkpoint)
            trained = classes_of(torch.load(checkpoint, map_location='cpu', weights_only=True, mmap=True))
    trained = trained[:count] if len(trained) >= (count or 0) else ()
    known = _dataset_classes(cfg, count)
    check_same_classes(trained, known, os.fspath(checkpoint or ''), config_name(cfg), exact=False)
    return trained or known


def _dataset_classes(cfg: Config, count: int | None) -> tuple[str, ...]:
    """Names of the classes of a config's test data set, where it says them and has so many."""
    dataset = cfg.get('test_dataloader', {}).get('dataset', {})
    while dataset:
        kind = type_class(dataset.get('type'), DATASETS)
        for metainfo in (dataset.get('metainfo'), getattr(kind, 'METAINFO', None)):
            names = (metainfo or {}).get('classes') or dataset.get('classes') or ()
            # A string would be a file of names.
            if names and not isinstance(names, str) and count in (None, len(names)):
                return tuple(names)
        dataset = dataset.get('dataset') or next(iter(dataset.get('datasets') or ()), None)
    return ()
