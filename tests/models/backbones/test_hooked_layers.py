import pytest
from torch import nn

from mmtscam.models.backbones.hooked_layers import find_layers

NETWORK = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Identity(), nn.Sigmoid()))


def test_found_in_the_order_of_the_names():
    assert find_layers(NETWORK, ('1.1', '0')) == [NETWORK[1][1], NETWORK[0]]


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        ((), 'layers must be a list of names of submodules'),
        ('0', "list of names of submodules, got '0'"),
        (('0', '1.2'), "layers: there is no '1.2'"),
    ],
)
def test_names_that_are_not_there(names, message):
    with pytest.raises(ValueError, match=message):
        find_layers(NETWORK, names)
