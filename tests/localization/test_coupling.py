import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtscam.localization import couple_maps


@settings(max_examples=30, deadline=None)
@given(classes=st.integers(0, 5), height=st.integers(1, 6), width=st.integers(1, 6), seed=st.integers(0, 2**31 - 1))
def test_every_entry_is_a_product(classes, height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    attention = torch.rand(height, width, generator=generator)
    semantic = torch.randn(classes, height, width, generator=generator)
    coupled = couple_maps(attention, semantic)
    assert coupled.shape == (classes, height, width)
    for c in range(classes):
        for y in range(height):
            for x in range(width):
                assert coupled[c, y, x] == attention[y, x].numpy() * semantic[c, y, x].numpy()


def test_negative_semantics_stay_negative():
    coupled = couple_maps(torch.full((2, 2), 0.5), torch.tensor([[[-4.0, 2.0], [0.0, -1.0]]]))
    assert coupled.tolist() == [[[-2.0, 1.0], [0.0, -0.5]]]


def test_arguments_stay_as_they_are():
    attention, semantic = torch.rand(3, 3), torch.randn(2, 3, 3)
    before = attention.clone(), semantic.clone()
    couple_maps(attention, semantic)
    assert torch.equal(attention, before[0])
    assert torch.equal(semantic, before[1])


def test_coupled_maps_of_the_reference(golden_small):
    attention = torch.from_numpy(golden_small['class_attention']).sum(dim=0)  # the reference sums
    coupled = torch.from_numpy(golden_small['coupled_maps'])
    for image in range(len(coupled)):
        grid = attention[image].reshape(coupled.shape[2:])
        semantic = coupled[image] / grid
        np.testing.assert_allclose(semantic.mean(dim=(1, 2)).numpy(), golden_small['logits'][image], atol=1e-4)
        np.testing.assert_allclose(couple_maps(grid, semantic).numpy(), coupled[image], rtol=1e-5)


def test_a_batch_is_the_same_as_its_images():
    attention, semantic = torch.rand(3, 4, 5), torch.randn(3, 2, 4, 5)
    batch = couple_maps(attention, semantic)
    for index in range(3):
        assert torch.equal(batch[index], couple_maps(attention[index], semantic[index]))
