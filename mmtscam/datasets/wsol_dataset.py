"""A classification data set with boxes and masks for evaluation."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import mmengine.dataset
import numpy as np

from mmtscam.registry import BOX_READERS, DATASETS, MASK_READERS, TRANSFORMS
from mmtscam.utils.config import type_class, type_name
from mmtscam.utils.images import IMAGE_ENDINGS, check_headers

from .listed_rows import ListedRows, RelativePath, listed_rows
from .masks import BaseMaskReader
from .packed_rows import PackedRows


@DATASETS.register_module()
class WSOLDataset(PackedRows):
    """Wraps a classification data set of mmpretrain and adds boxes and masks.

    Training needs labels only: leave ``boxes`` and ``masks`` out there.
    Evaluation needs one of them. Boxes are read when the data set is loaded,
    a mask when its image goes through the pipeline.

    Args:
        dataset: Config of the data set to wrap, e.g.
            ``dict(type='mmpretrain.CUB', data_root=..., split='test')``.
            Its own pipeline is not used. One that looks for images in folders
            finds all of :data:`~mmtscam.utils.images.IMAGE_ENDINGS`.
        boxes: Config of a box reader, e.g. ``dict(type='CUBBoxes')``. Its
            ``data_root`` is that of the wrapped data set unless it has one.
        masks: Config of a mask reader, e.g. ``dict(type='MaskImages',
            mask_dir='segmentations')``; ``data_root`` is the same as for boxes.
        metainfo: Overrides the meta information of the wrapped data set.
        pipeline: Transforms of an image, or their configs.
        classes: Names of the classes, or a file with a name a line. They take
            precedence over those of ``metainfo``.
        name: Name under which results by set are reported where a
            ``ConcatDataset`` joins this data set with others.
        **kwargs: Further arguments of mmpretrain's ``BaseDataset``:
            ``indices``, ``test_mode``, ``lazy_init``, ... With ``lazy_init``
            nothing is read before :meth:`full_init`, if the wrapped class can
            wait. Until then the meta information comes from its class and the
            config.

    Raises:
        FileNotFoundError: If an annotation file is missing.
        ValueError: If the annotations do not tell an image's boxes or mask,
            its pixels cannot be shown, or a label is outside the class names.
    """

    def __init__(
        self,
        dataset: dict,
        boxes: dict | None = None,
        masks: dict | None = None,
        metainfo: dict | None = None,
        pipeline: Sequence[dict | Callable] = (),
        classes: str | Sequence[str] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.name = name
        self._dataset_cfg = dataset
        self._box_cfg = boxes
        self._mask_cfg = masks
        self._read_mask: BaseMaskReader | None = None
        with self._explaining():
            # The rows are packed once, by this data set, and read when it is initialised.
            self._wrapped = DATASETS.build(_with_arguments(dataset, serialize_data=False, lazy_init=True))
        metainfo = {key: value for key, value in (metainfo or {}).items() if key != 'classes' or classes is None}
        try:
            self._own_metainfo = self._load_metainfo(self._compat_classes(metainfo, classes))
        except UnicodeDecodeError as error:
            raise ValueError(f'{classes}: not a text file in UTF-8: {error}') from error
        pipeline = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
        super().__init__(
            ann_file='', metainfo={**self._wrapped.metainfo, **self._own_metainfo}, pipeline=pipeline, **kwargs
        )

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Say where to look if a file of the wrapped data set is missing or cannot be used."""
        try:
            yield
        except FileNotFoundError as error:
            if error.filename is None:  # a message of its own, not the system's
                raise
            raise FileNotFoundError(
                f'{error.filename}: annotation file or image folder not found, check data_root and data_prefix of '
                f'{type_name(self._dataset_cfg["type"])}; check_data of the tools says what a data set lacks, and that '
                'of ILSVRC writes its lists'
            ) from error
        except (AssertionError, RuntimeError, ValueError) as error:  # what data sets of mmpretrain raise
            files = [str(self._dataset_cfg[key]) for key in ('data_root', 'ann_file') if self._dataset_cfg.get(key)]
            place = ', '.join([type_name(self._dataset_cfg['type']), *files])
            raise ValueError(f'{place}: the data set cannot be loaded: {error}') from error

    def load_data_list(self) -> Sequence[dict]:
        """Load labels from the wrapped data set and boxes from their reader.

        Masks are not read here, but every image must have one.

        Returns:
            One dict an image with ``img_path``, ``gt_label``, ``img_id`` (its
            number in the file of the box reader, or else its index),
            ``image_id`` (its path in ``data_root``) and, with boxes, mmdet's
            ``instances``, none for an image that shows no object, and
            ``annotated_size``, if the box reader's file tells it.
        """
        wrapped = self._wrapped
        if (rows := self._listed_rows()) is not None:
            self._wrapped = None
            return rows
        with self._explaining():
            wrapped.full_init()
        # Some data sets know their classes only now.
        self._metainfo = {**wrapped.metainfo, **self._own_metainfo}
        self._check_folders(getattr(wrapped, 'folder_to_idx', None))
        root = dict(data_root=getattr(wrapped, 'data_root', None) or '')
        read_boxes = BOX_READERS.build({**root, **self._box_cfg}) if self._box_cfg is not None else None
        if self._mask_cfg is not None:
            self._read_mask = MASK_READERS.build({**root, **self._mask_cfg})
        relative_path = RelativePath(root['data_root'])
        data_list = []
        for index, info in enumerate(_rows(wrapped)):
            number = read_boxes.img_id(info['img_path']) if read_boxes else None
            info['img_id'] = index if number is None else number
            if 'image_id' not in info:
                # The same wherever the data set lies; it tells the images of two splits apart.
                info['image_id'] = relative_path(info['img_path'])
            if read_boxes:
                info['instances'] = [
                    dict(bbox=box.tolist(), bbox_label=info['gt_label'], ignore_flag=0)
                    for box in read_boxes(info['img_path'], self._class_name(info))
                ]
                if (size := read_boxes.annotated_size(info['img_path'])) is not None:
                    info['annotated_size'] = size
            if self._read_mask:
                self._read_mask.check(info['img_path'])
            data_list.append(info)
        check_headers(info['img_path'] for info in data_list)
        if not data_list:
            raise ValueError(
                f'{type_name(self._dataset_cfg["type"])}: lists no image, check its annotation file, split and '
                'data_root'
            )
        self._wrapped = None  # two copies of a large list would be held
        return data_list

    def _listed_rows(self) -> ListedRows | None:
        """The rows of a list without boxes and masks, which need no dict each; ``None`` where they do."""
        # A subclass may change the dicts of the rows.
        changed = any(
            getattr(type(self), name) is not getattr(WSOLDataset, name) for name in ('load_data_list', 'filter_data')
        )
        if changed or not self.serialize_data or self._box_cfg is not None or self._mask_cfg is not None:
            return None
        with self._explaining():
            rows = listed_rows(self._wrapped, RelativePath(getattr(self._wrapped, 'data_root', None) or ''))
        return rows if rows else None

    def _check_folders(self, folders: dict[str, int] | None) -> None:
        """Refuse class names that number the classes otherwise than the folders do."""
        if not folders or not self.CLASSES:
            return
        numbered = sorted(folders, key=lambda name: folders[name])
        names, plain = ([_plain(name) for name in each] for each in (self.CLASSES, numbered))
        if len(names) != len(plain) or (sorted(names) == sorted(plain) and names != plain):
            raise ValueError(
                f'{type_name(self._dataset_cfg["type"])}: the class names are {", ".join(self.CLASSES[:5])}, ... '
                f'({len(names)}), but labels number the folders {", ".join(numbered[:5])}, ... ({len(plain)}): '
                "give a name for each folder in the folders' order (classes=[...])"
            )

    def _class_name(self, info: dict) -> str | None:
        if not self.CLASSES or 'gt_label' not in info:
            return None
        label = info['gt_label']
        if not isinstance(label, (int, np.integer)):
            raise ValueError(
                f'{info["img_path"]}: needs one label, got {label!r}: wrap a data set with one label an image'
            )
        if not 0 <= label < len(self.CLASSES):
            raise ValueError(
                f'{info["img_path"]}: label {label} is outside the {len(self.CLASSES)} class names of the data set; '
                'name all classes in metainfo'
            )
        return self.CLASSES[label]

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one image.

        With masks, the pipeline is also given ``gt_mask``, the image's mask
        (H, W) ``uint8``, see :class:`BaseMaskReader`.

        Args:
            idx: Index of the image.

        Returns:
            The pipeline's result.

        Raises:
            FileNotFoundError: If the mask's file is missing.
            ValueError: If image or mask cannot be read, or the image was
                annotated at another size; names the file.
            RuntimeError: If a transform fails; names the file too.
        """
        info = self.get_data_info(idx)
        path = info.get('img_path', f'image {idx}')
        if self._read_mask:
            info['gt_mask'] = self._read_mask(info['img_path'], self._class_name(info))
        try:
            result = self.pipeline(info)
        except (OSError, ValueError) as error:
            missing = isinstance(error, FileNotFoundError)
            reason = 'there is no such file' if missing else str(error).partition(' <_io')[0]
            raise ValueError(
                f'{path}: the image cannot be read or transformed: {reason}; replace the file or take its row out'
            ) from error
        except Exception as error:  # perhaps a bug of a transform, which needs its traceback
            raise RuntimeError(f'{path}: a transform of the pipeline fails: {error}') from error
        # Loaders note the size in the row, in the orientation in which they read.
        if 'annotated_size' in info and 'ori_shape' in info:
            height, width = info['ori_shape'][:2]
            info['annotated_size'].check(path, width, height)
        return result

    def extra_repr(self) -> list[str]:
        """Lines that describe this data set beyond the base class."""
        return [f'Wrapped data set: \t{self._dataset_cfg}', f'Boxes: \t{self._box_cfg}', f'Masks: \t{self._mask_cfg}']


def _plain(name: str) -> str:
    return str(name).replace('_', ' ').casefold()


def _with_arguments(cfg: dict, **arguments: Any) -> dict:
    """The config of a data set, with those of the arguments and of all endings of images added that its class takes."""
    kind = type_class(cfg['type'], DATASETS)
    if not (inspect.isclass(kind) and issubclass(kind, mmengine.dataset.BaseDataset)):
        return cfg
    parameters = inspect.signature(kind).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    taken = {name: value for name, value in arguments.items() if takes_all or name in parameters}
    if 'extensions' in parameters:  # mmpretrain's ImageNet hands its own on
        taken['extensions'] = IMAGE_ENDINGS
    return {**taken, **cfg}


def _rows(dataset: Any) -> Iterable[dict]:
    """The rows of a data set that is no longer needed, without copies where possible."""
    get_data_info = getattr(type(dataset), 'get_data_info', None)
    if get_data_info is mmengine.dataset.BaseDataset.get_data_info and not dataset.serialize_data:
        return dataset.data_list
    return (dataset.get_data_info(index) for index in range(len(dataset)))
