"""A data set: a file lists images and labels, as ``PATH LABEL``."""

from pathlib import Path

from mmengine.dataset import BaseDataset

from mmtscam.registry import DATASETS


@DATASETS.register_module()
class ListedImages(BaseDataset):
    def load_data_list(self):
        rows = [line.rsplit(maxsplit=1) for line in Path(self.ann_file).read_text(encoding='utf-8').splitlines()]
        return [dict(img_path=str(Path(self.data_root, path)), gt_label=int(label)) for path, label in rows]
