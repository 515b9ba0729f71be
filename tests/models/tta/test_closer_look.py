from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from mmengine.structures import InstanceData

from mmtscam.localization import PROTOCOLS, map_to_boxes, min_max
from mmtscam.models.tta.closer_look import cut_out, paste, window_of


def sample_with(*blocks, size=40):
    """A sample of an image of 50 x 40 pixels, height and width, with ones in blocks ``(rows, columns)`` of a map."""
    (sample,) = make_samples(1)
    score_map = torch.zeros(size, size)
    for rows, columns in blocks:
        score_map[rows, columns] = 1
    sample.class_maps = InstanceData(labels=torch.tensor([1]), maps=score_map[None])
    return sample


# Drawn in the map's own size, so that edges are exact.
PLAIN = replace(PROTOCOLS['tscam'], frame=(40, 40), threshold=0.5, truncate_size=False)


@pytest.mark.parametrize(
    ('rows', 'columns', 'expected'),
    [
        # The square around the box, in shares of 40 columns and 50 rows.
        (slice(8, 16), slice(10, 30), (10 / 40, 5 / 50, 30 / 40, 25 / 50)),
        (slice(0, 40), slice(1, 40), (0, 0, 1, 1)),
        # At least a quarter of the longer side.
        (slice(20, 21), slice(20, 21), ((20.5 - 6.25) / 40, (25.625 - 6.25) / 50, 26.75 / 40, 31.875 / 50)),
    ],
)
def test_window_of_a_sample(rows, columns, expected):
    assert window_of(sample_with((rows, columns)), PLAIN) == pytest.approx(expected, abs=1e-6)


def test_window_in_the_frame():
    sample = sample_with((slice(10, 20), slice(0, 20)))
    bare = sample.new(metainfo={})
    assert window_of(bare, PLAIN) == pytest.approx((0, 5 / 40, 0.5, 25 / 40))


def test_of_several_boxes_the_largest():
    """OpenCV lists the lowest contour first."""
    sample = sample_with((slice(4, 20), slice(4, 20)), (slice(34, 37), slice(34, 37)))
    everywhere = replace(PROTOCOLS['wsol-v2'], frame=(40, 40), threshold=0.5)
    assert len(map_to_boxes(sample.class_maps.maps[0].numpy(), everywhere)) == 2
    x1, y1, x2, y2 = window_of(sample, everywhere)
    assert x1 <= 5 / 40 and y1 <= 6 / 40 and 18 / 40 <= x2 < 24 / 40 and 18 / 40 <= y2 < 24 / 40


@pytest.mark.parametrize('name', PROTOCOLS)
def test_nothing_found(name):
    """The whole image is looked at, and not the box that stands for nothing."""
    protocol = PROTOCOLS[name]
    if protocol.threshold is None:
        protocol = replace(protocol, threshold=0.5)
    assert window_of(sample_with(), protocol) == (0, 0, 1, 1)


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
