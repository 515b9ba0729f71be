import pytest
import torch
from tscam_models import build_model

from mmtscam.models.checkpoints import load_strictly


def test_another_number_of_classes_is_named():
    """And nothing else, since the file suits but for it."""
    state = build_model().state_dict()
    other = {
        name: torch.cat([value, value[:1]]) if name.startswith('head.') else value for name, value in state.items()
    }
    with pytest.raises(ValueError, match=r'^x.pth: has 7 classes and this config 6: set model.head.num_classes=7; '):
        load_strictly(build_model(), other, 'x.pth')


@pytest.mark.parametrize('change', ['wider', 'missing'])
def test_another_head(change):
    state = build_model().state_dict()
    name = 'head.conv.weight'
    if change == 'wider':
        state[name] = torch.cat([state[name], state[name]], dim=1)
    else:
        del state[name]
    with pytest.raises(
        ValueError, match=r'^x.pth: does not fit this config in head; set what it was trained with, such as model'
    ):
        load_strictly(build_model(), state, 'x.pth')


def test_a_file_that_fits():
    state = build_model().state_dict()
    load_strictly(build_model(), dict(state_dict=state), 'x.pth')
