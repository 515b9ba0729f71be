import pytest
import torch
from mmengine.structures import InstanceData

from mmtscam.localization import PROTOCOLS
from mmtscam.models.heads import localize
from mmtscam.structures import LocDataSample


def make_sample(**metainfo):
    maps = torch.zeros(3, 14, 14)
    maps[0, :7, :7] = 1  # the upper left quarter
    maps[1, 7:, 7:] = 1  # the lower right quarter; the third map is constant
    sample = LocDataSample(metainfo=metainfo)
    sample.set_pred_score(torch.tensor([0.1, 0.2, 0.7]))
    sample.class_maps = InstanceData(labels=torch.tensor([2, 0, 1]), maps=maps)
    return sample


def test_boxes_are_in_original_coordinates():
    sample = make_sample(ori_shape=(100, 200))
    localize(sample, PROTOCOLS['tscam'], num_classes=2)
    predicted = sample.pred_instances
    assert predicted.labels.tolist() == [2, 0]
    torch.testing.assert_close(predicted.scores, torch.tensor([0.7, 0.1]))
    # Bilinear upsampling carries the edge of the quarter a few pixels on.
    torch.testing.assert_close(
        predicted.bboxes, torch.tensor([[0.0, 0.0, 100.0, 50.0], [100.0, 50.0, 200.0, 100.0]]), rtol=0, atol=7
    )


def test_without_original_size_boxes_are_in_the_frame():
    sample = make_sample()
    localize(sample, PROTOCOLS['tscam'], num_classes=1)
    torch.testing.assert_close(sample.pred_instances.bboxes, torch.tensor([[0.0, 0.0, 119.0, 119.0]]), rtol=0, atol=4)


def test_constant_map_gives_the_empty_box():
    sample = make_sample(ori_shape=(224, 224))
    localize(sample, PROTOCOLS['tscam'], num_classes=3)
    assert sample.pred_instances.bboxes[2].tolist() == [0, 0, 1, 1]


def test_all_contours_give_several_boxes_a_class():
    sample = make_sample(ori_shape=(224, 224))
    sample.class_maps.maps[0] += sample.class_maps.maps[1]
    protocol = PROTOCOLS['wsol-v2']
    localize(sample, protocol.__class__(**{**vars(protocol), 'threshold': 0.5}), num_classes=1)
    assert sample.pred_instances.labels.tolist() == [2, 2]


def test_separate_regions_get_boxes_of_their_own():
    sample = make_sample(ori_shape=(224, 224))
    sample.class_maps.maps[0, 10:12, 10:12] = 1
    localize(sample, PROTOCOLS['tscam'], num_classes=3, min_area=0.02)
    boxes = sample.pred_instances
    assert boxes.labels.tolist() == [2, 2, 0]  # the largest first; the constant map has none
    torch.testing.assert_close(boxes.bboxes[1], torch.tensor([152.0, 152.0, 200.0, 200.0]), rtol=0, atol=8)
    assert boxes.scores.tolist() == sample.pred_score[boxes.labels].tolist()
    assert sample.class_maps.min_area == 0.02
    localize(sample, PROTOCOLS['tscam'], num_classes=3, min_area=0.5)
    assert sample.pred_instances.labels.tolist() == [2, 0]
    localize(sample, PROTOCOLS['tscam'], num_classes=3)
    assert sample.pred_instances.labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ('img_shape', 'scale'), [((224, 224), (2.24, 4.48)), ((223, 225), (2.24, 4.48)), ((200, 100), 2.0)]
)
def test_crops_are_refused(img_shape, scale):
    sample = make_sample(ori_shape=(100, 100), img_shape=img_shape, scale_factor=scale, img_path='x/bird.jpg')
    with pytest.raises(ValueError, match=r'x/bird\.jpg: the test pipeline crops or pads'):
        localize(sample, PROTOCOLS['tscam'], num_classes=1)


def test_resized_images_are_accepted():
    sample = make_sample(ori_shape=(333, 500), img_shape=(224, 224), scale_factor=(224 / 500, 224 / 333))
    localize(sample, PROTOCOLS['tscam'], num_classes=1)
    assert sample.class_maps.threshold == 0.1


def test_crops_without_a_resize_are_refused():
    sample = make_sample(ori_shape=(300, 300), img_shape=(224, 224), img_path='x/bird.jpg')
    with pytest.raises(ValueError, match=r'x/bird\.jpg: the test pipeline crops or pads'):
        localize(sample, PROTOCOLS['tscam'], num_classes=1)


def test_flips_are_refused():
    sample = make_sample(ori_shape=(224, 224), img_shape=(224, 224), flip=True, img_path='x/bird.jpg')
    with pytest.raises(ValueError, match=r'x/bird\.jpg: the test pipeline flips the image'):
        localize(sample, PROTOCOLS['tscam'], num_classes=1)
