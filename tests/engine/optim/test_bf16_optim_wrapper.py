import torch
from torch import nn

from mmtscam.registry import OPTIM_WRAPPERS


def test_forward_in_bfloat16_and_weights_in_full_precision():
    model = nn.Linear(8, 3)
    wrapper = OPTIM_WRAPPERS.build(
        dict(type='mmtscam.Bf16OptimWrapper', optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    )
    before, inputs = model.weight.detach().clone(), torch.randn(4, 8)
    with wrapper.optim_context(model):
        output = model(inputs)
    assert output.dtype == torch.bfloat16
    assert model(inputs).dtype == torch.float32
    wrapper.update_params(output.float().square().mean())
    assert model.weight.dtype == torch.float32
    assert not torch.equal(model.weight, before)
