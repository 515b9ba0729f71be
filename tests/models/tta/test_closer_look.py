import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from mmengine.structures import InstanceData

from mmtscam.localization import min_max
from mmtscam.models.tta.closer_look import cut_out, paste, window_of


@pytest.mark.parametrize(
    ('box', 'expected'),
    [
        # Images of 40 x 50 pixels: the square around the box, in shares.
        ((10, 10, 30, 20), (10 / 40, 5 / 50, 30 / 40, 25 / 50)),
        ((0, 0, 40, 50), (0, 0, 1, 1)),
        # At least a quarter of the longer side.
        ((20, 25, 21, 26), ((20.5 - 6.25) / 40, (25.5 - 6.25) / 50, (20.5 + 6.25) / 40, (25.5 + 6.25) / 50)),
    ],
)
def test_window_of_a_sample(box, expected):
    (sample,) = make_samples(1)
    sample.pred_instances = InstanceData(bboxes=torch.tensor([box, (0, 0, 1, 1)], dtype=torch.float32))
    assert window_of(sample, (224, 224)) == pytest.approx(expected)


def test_window_in_the_frame():
    (sample,) = make_samples(1)
    sample = sample.new(metainfo={})
    sample.pred_instances = InstanceData(bboxes=torch.tensor([[0.0, 56.0, 112.0, 112.0]]))
    assert window_of(sample, (224, 224)) == pytest.approx((0, 28 / 224, 0.5, 140 / 224))


def test_cut_out():
    images = torch.randn(2, 3, 40, 60)
    cut, moved = cut_out(images, [(0, 0, 1, 1), (0.26, 0.5, 0.51, 0.76)], (20, 30))
    expected = F.interpolate(images[:1], (20, 30), mode='bilinear', antialias=True)
    torch.testing.assert_close(cut[:1], expected)
    # Moved out to whole pixels: columns 15 to 31, rows 20 to 31.
    part = F.interpolate(images[1:, :, 20:31, 15:31], (20, 30), mode='bilinear', antialias=True)
    torch.testing.assert_close(cut[1:], part)
    assert moved == [(0, 0, 1, 1), (15 / 60, 20 / 40, 31 / 60, 31 / 40)]


@pytest.mark.parametrize('window', [(0, 0, 0, 0), (1, 1, 1, 1), (0.999, 0.5, 1, 0.5)])
def test_a_window_has_at_least_a_pixel(window):
    cut, (moved,) = cut_out(torch.randn(1, 3, 8, 8), [window], (4, 4))
    assert cut.isfinite().all()
    assert moved[0] < moved[2] <= 1
    assert moved[1] < moved[3] <= 1


def test_a_map_is_averaged_in_where_it_belongs():
    maps, closer = torch.rand(2, 4, 5), torch.rand(2, 6, 7)
    pasted = paste(maps, closer, (0.25, 0.5, 0.75, 1))
    whole = F.interpolate(min_max(maps)[None], (16, 20), mode='bilinear')[0]
    # The window is 8 of 16 rows high and 10 of 20 columns wide.
    part = F.interpolate(min_max(closer)[None], (8, 10), mode='bilinear')[0]
    expected = whole.clone()
    expected[:, 8:, 5:15] = (whole[:, 8:, 5:15] + part) / 2
    torch.testing.assert_close(pasted, expected)


def test_a_window_of_the_whole_image_is_the_mean():
    maps, closer = torch.rand(1, 4, 4), torch.rand(1, 4, 4)
    mean = F.interpolate((min_max(maps) + min_max(closer))[None] / 2, (16, 16), mode='bilinear')[0]
    torch.testing.assert_close(paste(maps, closer, (0, 0, 1, 1)), mean)
