import pytest
import torch

from mmtscam.speed.cnn import TOLERANCE, layout_tasks, layouts_differ, refinement_tasks


def test_layouts_agree_and_are_not_the_same(cnn_config):
    assert 0 < layouts_differ(cnn_config, 2, {}) < TOLERANCE


@pytest.mark.parametrize('workload', ['train', 'predict'])
def test_both_layouts_run(cnn_config, workload):
    names = []
    for name, build in layout_tasks(cnn_config, workload, 2, {}):
        names.append(name)
        build()()
    assert names == ['default layout', 'channels last']


def test_refinements_run_on_one_core(cnn_config):
    threads = torch.get_num_threads()
    refinements = [dict(type='SelfEnhancement'), dict(type='SelfCorrelation', levels=[-1])]
    try:
        tasks = refinement_tasks(cnn_config, refinements, 2, 9, {})
        assert [name for name, _ in tasks] == ['head alone', 'with SelfEnhancement', 'with SelfCorrelation']
        for _, build in tasks:
            build()()
            assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)


def test_a_network_whose_gradients_cancel(repo):
    """In EfficientNet norms take away what biases before them add: their gradients are rounding alone."""
    pytest.importorskip('timm')
    assert layouts_differ(str(repo / 'configs' / 'cam' / 'cam_efficientnet-lite0_cub10.py'), 2, {}) < TOLERANCE


def test_transformers_are_refused(repo):
    with pytest.raises(ValueError, match='TSCAMDeiT has no layouts to choose from'):
        layouts_differ(str(repo / 'configs' / 'tscam_deit-t_cub.py'), 2, {})
