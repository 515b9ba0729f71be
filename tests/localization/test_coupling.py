import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtscam.localization import MAP_MODES, localization_maps


@settings(max_examples=30, deadline=None)
@given(classes=st.integers(0, 5), height=st.integers(1, 6), width=st.integers(1, 6), seed=st.integers(0, 2**31 - 1))
def test_maps_in_every_mode(classes, height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    attention = torch.rand(height, width, generator=generator)
    semantic = torch.randn(classes, height, width, generator=generator)
    maps = localization_maps(attention, semantic)
    assert set(maps) == set(MAP_MODES) == {'coupled', 'attention', 'semantic'}
    assert all(values.shape == (classes, height, width) for values in maps.values())
    for c in range(classes):
        for y in range(height):
            for x in range(width):
                a, s = attention[y, x].numpy(), semantic[c, y, x].numpy()
                assert maps['coupled'][c, y, x] == a * s
                assert maps['attention'][c, y, x] == a
                assert maps['semantic'][c, y, x] == s


def test_negative_semantics_stay_negative():
    maps = localization_maps(torch.full((2, 2), 0.5), torch.tensor([[[-4.0, 2.0], [0.0, -1.0]]]))
    assert maps['coupled'].tolist() == [[[-2.0, 1.0], [0.0, -0.5]]]


def test_arguments_stay_as_they_are():
    attention, semantic = torch.rand(3, 3), torch.randn(2, 3, 3)
    before = attention.clone(), semantic.clone()
    localization_maps(attention, semantic)
    assert torch.equal(attention, before[0])
    assert torch.equal(semantic, before[1])


def test_coupled_maps_of_the_reference(golden_small):
    attention = torch.from_numpy(golden_small['class_attention']).sum(dim=0)  # the reference sums
    coupled = torch.from_numpy(golden_small['coupled_maps'])
    for image in range(len(coupled)):
        grid = attention[image].reshape(coupled.shape[2:])
        semantic = coupled[image] / grid
        np.testing.assert_allclose(semantic.mean(dim=(1, 2)).numpy(), golden_small['logits'][image], atol=1e-4)
        np.testing.assert_allclose(localization_maps(grid, semantic)['coupled'].numpy(), coupled[image], rtol=1e-5)


def test_a_batch_is_the_same_as_its_images():
    attention, semantic = torch.rand(3, 4, 5), torch.randn(3, 2, 4, 5)
    batch = localization_maps(attention, semantic)
    for index in range(3):
        for mode, maps in localization_maps(attention[index], semantic[index]).items():
            assert torch.equal(batch[mode][index], maps)
