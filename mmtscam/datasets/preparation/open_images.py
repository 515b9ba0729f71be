"""Check of OpenImages30k."""

import os
import os.path as osp
from collections.abc import Mapping
from types import MappingProxyType

from ..annotation_files import read_comma_rows
from ..masks import OpenImagesMasks
from ..wsol_benchmark import WSOLBenchmark
from .findings import Findings, Track, check_images, missing_files, no_progress, require_folder

OPEN_IMAGES_COUNTS: Mapping[str, int] = MappingProxyType(
    {'train images': 29819, 'val images': 2500, 'test images': 5000, 'classes': 100}
)


def check_open_images(
    root: str | os.PathLike,
    metadata: str | os.PathLike,
    expected: Mapping[str, int] = OPEN_IMAGES_COUNTS,
    mask_root: str | os.PathLike | None = None,
    decode: bool = False,
    track: Track = no_progress,
) -> Findings:
    """Check OpenImages30k in the layout of the WSOL benchmark.

    Args:
        root: Folder with the images, ``{train,val,test}/CLASS/*.jpg``.
        metadata: The benchmark's folder ``metadata/OpenImages`` with
            ``{train,val,test}/*.txt``.
        expected: Expected numbers, by what is counted.
        mask_root: Folder with the masks, by default ``root``.
        decode: Also read every image and mask.
        track: Shows the progress.

    Returns:
        The numbers of listed images and classes. Problems are missing or
        unreadable images and masks, images without a mask, and splits whose
        classes differ.

    Raises:
        FileNotFoundError: If a folder or a text file is missing.
        ValueError: If a row of a text file is malformed or doubled.
    """
    root = require_folder(os.fspath(root), 'unpack the archives of images and masks into it')
    metadata = osp.abspath(require_folder(os.fspath(metadata), "copy the benchmark's metadata/OpenImages to it"))
    mask_root = root if mask_root is None else require_folder(os.fspath(mask_root), 'unpack the masks into it')
    findings = Findings(expected)

    labels: dict[str, set[int]] = {}
    for split in ('train', 'val', 'test'):
        dataset = WSOLBenchmark(root, osp.join(metadata, split))
        rows = [dataset.get_data_info(index) for index in range(len(dataset))]
        images = [row['image_id'] for row in rows]
        labels[split] = {row['gt_label'] for row in rows}
        findings.counts[f'{split} images'] = len(images)
        _check_files(findings, f'{split} images', root, images, decode, track)
        if split != 'train':
            masks = _list_masks(findings, root, osp.join(metadata, split), images)
            findings.counts[f'{split} masks and ignore regions'] = len(masks)
            _check_files(findings, f'{split} masks', mask_root, masks, decode, track)
    findings.counts['classes'] = len(set.union(*labels.values()))
    for split in ('val', 'test'):
        findings.complain(f'labels are not in both train and {split}', sorted(labels['train'] ^ labels[split]))
    return findings


def _check_files(findings: Findings, what: str, root: str, names: list[str], decode: bool, track: Track) -> None:
    missing = missing_files(root, names, track, f'looking for {what}')
    findings.complain(f'{what} are not in {root}', missing)
    if decode:
        present = sorted(set(names) - set(missing))
        check_images(findings, f'{what} of {root}', root, present, track)


def _list_masks(findings: Findings, root: str, metadata: str, images: list[str]) -> list[str]:
    """Paths of all mask and ignore files of a split."""
    reader = OpenImagesMasks(root, metadata)  # checks the rows
    path = osp.join(metadata, 'localization.txt')
    bare = []
    for image in images:
        try:
            reader.check(osp.join(root, image))
        except ValueError:
            bare.append(image)
    findings.complain(f'images have no mask in {path}', bare)
    rows = read_comma_rows(path, 'image_id,mask_path,ignore_path')
    return list(dict.fromkeys(mask for _, (_, *masks) in rows for mask in masks if mask))
