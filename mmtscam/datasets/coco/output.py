"""The place of a COCO file and of its images, as its readers want them."""

import json
import os.path as osp
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mmtscam.utils.choices import COCO_LAYOUTS
from mmtscam.utils.files import check_writable, unfinished, unfinished_folder, write_text

from .writing import write_coco


class _Layout(NamedTuple):
    """Paths in the folder; ``{}`` stands for the split."""

    annotations: str = 'annotations/instances_{}.json'
    images: str = 'images/{}'
    flat: bool = False
    val: str = 'val'
    metadata: bool = False


_LAYOUTS = {
    'datumaro': _Layout(),
    'flat': _Layout(flat=True),
    'rfdetr': _Layout('{}/_annotations.coco.json', '{}', val='valid'),
    'imagefolder': _Layout(images='{}', val='validation', metadata=True),
}


@dataclass(frozen=True)
class COCOOutput:
    """A COCO file to be written, alone or with its images.

    Args:
        out: The file; in all layouts but ``'plain'`` a folder, which may have
            other splits already.
        layout: ``'plain'``: the file alone. The other layouts have copies of
            the images, because some readers refuse links. ``'datumaro'``:
            ``annotations/instances_SPLIT.json`` and ``images/SPLIT/``.
            ``'flat'``: the same, with images named without folders,
            ``a/b.jpg`` as ``a__b.jpg``. ``'rfdetr'``:
            ``SPLIT/_annotations.coco.json`` beside the images; ``val`` is
            ``valid``. ``'imagefolder'``: ``annotations/instances_SPLIT.json``
            and ``SPLIT/`` with the images and ``metadata.jsonl``, one line an
            image; ``val`` is ``validation``.
        split: ``'train'``, ``'val'`` or ``'test'``; plain files have none.
        first_category: Id of the first category, 0 or 1.

    Raises:
        ValueError: If ``layout`` or ``first_category`` is none of these.
    """

    out: Path
    layout: str = 'plain'
    split: str = 'train'
    first_category: int = 1

    def __post_init__(self) -> None:
        """Check the values."""
        if self.layout not in COCO_LAYOUTS:
            raise ValueError(f'layout must be one of {", ".join(COCO_LAYOUTS)}, got {self.layout!r}')
        if self.first_category not in (0, 1):
            raise ValueError(f'first_category must be 0 or 1, got {self.first_category!r}')

    @property
    def _layout(self) -> _Layout | None:
        return _LAYOUTS.get(self.layout)

    @property
    def _split(self) -> str:
        return self._layout.val if self._layout and self.split == 'val' else self.split

    @property
    def file(self) -> Path:
        """The COCO file."""
        return self.out / self._layout.annotations.format(self._split) if self._layout else self.out

    @property
    def images(self) -> Path | None:
        """The folder of the copied images; ``None`` in the plain layout."""
        return self.out / self._layout.images.format(self._split) if self._layout else None

    @property
    def parts(self) -> Path:
        """A folder for the parts of a long run, apart from everything that is written in the end."""
        place = self.out / self._split if self._layout else self.out
        return place.with_name(f'{place.name}.parts')

    def check(self, images: Iterable[tuple[str, str]] = (), root: str | None = None) -> None:
        """Find what would stop :meth:`write`, before a long run.

        Args:
            images: Name and path of each image; plain files do without.
            root: The folder, if all images of a folder are meant.

        Raises:
            FileExistsError: If the file or the folder of its images is there.
            OSError: If nothing can be written there.
            ValueError: If an image cannot be copied: it is no file, its name
                leads out of the folder or is that of another image; or if
                copies would be taken for images of ``root`` the next time.
        """
        for place in filter(None, (self.file, self.images)):
            if place.exists():
                kind = 'folder' if self._layout else 'file'
                raise FileExistsError(f'{place}: is there already; remove it, or name another {kind}')
        if self._layout and (self.out.suffix == '.json' or (self.out.exists() and not self.out.is_dir())):
            raise ValueError(f'{self.out}: names a file; layout={self.layout!r} wants a folder')
        check_writable(self.file)
        if not self._layout:
            return
        if root is not None and self.out.resolve().is_relative_to(Path(root).resolve()):
            raise ValueError(f'{self.out}: lies in the folder of images, which would have each twice; name another')
        taken: dict[str, str] = {}
        for name, path in images:
            copy = self._placed(name)
            if not osp.isfile(path):
                problem = 'is no file here'
            elif _leads_out(copy):
                problem = 'lies outside the folder of its data set'
            elif copy in taken:
                problem = f'would be {copy}, as {taken[copy]} is'
            else:
                taken[copy] = path
                continue
            raise ValueError(f"{path}: {problem}, so that layout={self.layout!r} cannot copy it; take layout='plain'")

    def write(self, **sections: Any) -> None:
        """Write the COCO file and copy its images, all or nothing.

        Args:
            **sections: See :func:`~mmtscam.datasets.coco.write_coco`. Each of
                ``images`` also has the ``path`` of its file.

        Raises:
            ValueError: If the name of an image leads out of the folder.
        """
        with ExitStack() as stack:
            file = self.file
            if self.images is None:
                folder = None
            elif file.parent == self.images:
                folder = stack.enter_context(unfinished_folder(self.images))
                file = folder / file.name
            else:  # the file gets its name last
                file = stack.enter_context(unfinished(file))
                folder = stack.enter_context(unfinished_folder(self.images))
            write_coco(file, **dict(sections, images=self._copied(sections['images'], folder)))
            if folder is not None and self._layout and self._layout.metadata:
                write_text(folder / 'metadata.jsonl', _metadata(json.loads(file.read_text(encoding='utf-8'))))

    def _copied(self, images: Iterable[dict[str, Any]], folder: Path | None) -> Iterator[dict[str, Any]]:
        """Entries without paths, named as in the folder, each after its image is copied."""
        for entry in images:
            entry = dict(entry)
            path = entry.pop('path')
            if folder is not None:
                entry['file_name'] = self._placed(entry['file_name'])
                if _leads_out(entry['file_name']):
                    raise ValueError(f'{path}: its name {entry["file_name"]!r} leads out of the folder of the images')
                copy = folder / entry['file_name']
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            yield entry

    def _placed(self, name: str) -> str:
        return name.replace('/', '__') if self._layout and self._layout.flat else name


def _leads_out(name: str) -> bool:
    return name.startswith('/') or '..' in name.split('/')


def _metadata(coco: dict[str, Any]) -> str:
    """Lines of Hugging Face's imagefolder, which wants the same keys in all splits: true boxes have score 1."""
    objects: dict[Any, list[dict[str, Any]]] = {}
    for each in coco['annotations']:
        objects.setdefault(each['image_id'], []).append({'score': 1.0, **each, 'category': each['category_id']})
    keys = ('id', 'bbox', 'area', 'category', 'score')
    rows = (
        dict(
            file_name=image['file_name'],
            image_id=image['id'],
            width=image['width'],
            height=image['height'],
            objects={key: [each[key] for each in objects.get(image['id'], [])] for key in keys},
        )
        for image in coco['images']
    )
    return ''.join(json.dumps(row) + '\n' for row in rows)
