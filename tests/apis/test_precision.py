import torch
from torch import nn

from mmtscam.apis.precision import in_precision_of


def test_images_follow_the_weights():
    images = torch.randn(2, 3, 4, 4)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        model = nn.Linear(2, 2).to(dtype)
        assert torch.equal(in_precision_of(model, images), images.to(dtype))
        assert [view.dtype for view in in_precision_of(model, [images, images[:1]])] == [dtype] * 2
    assert in_precision_of(nn.Linear(2, 2), images) is images
