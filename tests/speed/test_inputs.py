from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mmtscam.speed import image_files
from mmtscam.speed.inputs import ORIGINAL_SIZE, draw_images, make_batches, our_batch


def test_batches_are_the_same_each_time(evaluate):
    first, second = (make_batches(evaluate, evaluate.load()) for _ in range(2))
    for batch, other in zip(first, second, strict=True):
        assert torch.equal(batch.images, other.images)
        assert (batch.labels, batch.boxes, batch.first) == (other.labels, other.boxes, other.first)


def test_batches_differ_from_each_other(evaluate):
    cfg = evaluate.load()
    cfg.model.head.num_classes = 3
    batches = make_batches(evaluate, cfg)
    assert [batch.first for batch in batches] == [0, 4]
    assert [batch.labels for batch in batches] == [[0, 1, 2, 0], [1, 2, 0, 1]]
    images = torch.cat([batch.images for batch in batches])
    assert images.shape == (8, 3, 80, 80) and images.dtype == torch.uint8
    assert len({image.sum().item() for image in images}) == 8


def test_boxes_lie_in_the_image(evaluate):
    boxes = np.array([box for batch in make_batches(evaluate, evaluate.load()) for box in batch.boxes])
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= ORIGINAL_SIZE).all()
    assert (boxes[:, 2:] - boxes[:, :2] >= np.array(ORIGINAL_SIZE) // 5 - 1).all()
    assert len(np.unique(boxes, axis=0)) == len(boxes)


def test_our_batch_holds_the_same(evaluate):
    batch = make_batches(evaluate, evaluate.load())[1]
    ours = our_batch(batch)
    assert torch.equal(ours['inputs'][:, [2, 1, 0]], batch.images)
    for index, (sample, label, box) in enumerate(zip(ours['data_samples'], batch.labels, batch.boxes, strict=True), 4):
        assert (sample.img_id, sample.gt_label.item()) == (index, label)
        assert sample.gt_instances.bboxes.tolist() == [list(box)]
        assert (sample.ori_shape, sample.img_shape) == ((375, 500), (80, 80))
        assert sample.scale_factor == (80 / 500, 80 / 375)


def test_files_of_the_training_set(tiny_config, sample_set):
    with image_files(tiny_config, 30) as found:
        paths = found['files']
        assert not found['generated']
        assert len(paths) == 30
        assert len(set(paths)) == 24  # all that there are, then again from the first
        assert paths[24:] == paths[:6]
        assert all(Path(path).is_relative_to(sample_set) for path in paths)
    with image_files(tiny_config, 2) as first:
        assert first['files'] == paths[:2]
    assert all(Path(path).is_file() for path in paths)


def test_generated_files_where_there_is_no_training_set(tiny_config, tmp_path):
    tiny_config.train_dataloader.dataset.dataset.data_root = str(tmp_path / 'none')
    with image_files(tiny_config, 3) as found:
        paths = found['files']
        assert found['generated']
        assert len(set(paths)) == 3
        for path in paths:
            with Image.open(path) as image:
                assert (image.format, image.size) == ('JPEG', ORIGINAL_SIZE)
    assert not Path(paths[0]).parent.exists()


def test_generated_files_are_the_same_each_time(tmp_path):
    contents = []
    for name in 'ab':
        (tmp_path / name).mkdir()
        contents.append([Path(path).read_bytes() for path in draw_images(tmp_path / name, 2)])
    assert contents[0] == contents[1]
    assert contents[0][0] != contents[0][1]
