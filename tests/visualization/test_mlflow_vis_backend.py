"""MLflow itself is large: a stand-in notes what it is asked for. INSTALL.md says with which version it was tried."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine import visualization
from mmengine.registry import VISUALIZERS

from mmtscam.visualization import MLflowVisBackend

SET_UP = ('set_tracking_uri', 'get_experiment_by_name', 'create_experiment', 'set_experiment')


@pytest.fixture
def mlflow(monkeypatch):
    """MLflow, as far as a back end that draws needs it."""
    logged = []
    stand_in = SimpleNamespace(
        **{name: lambda *args, **kwargs: None for name in SET_UP},
        log_image=lambda image, name: logged.append((image.shape, name)),
        logged=logged,
    )
    monkeypatch.setitem(sys.modules, 'mlflow', stand_in)
    return stand_in


def test_pictures_have_an_ending_and_a_step(mlflow, tmp_path):
    """A config names mmengine's back end, and in our scope gets this one."""
    visualizer = VISUALIZERS.build(
        dict(type='LocVisualizer', name='mlflow', vis_backends=[dict(type='MLflowVisBackend')], save_dir=str(tmp_path))
    )
    (backend,) = visualizer._vis_backends.values()
    assert type(backend) is MLflowVisBackend
    for step in (1, 2):
        visualizer.add_image('000000_owl', np.zeros((4, 6, 3), np.uint8), step)
    assert mlflow.logged == [((4, 6, 3), '000000_owl_1.png'), ((4, 6, 3), '000000_owl_2.png')]


def test_mmengines_own_gives_names_without_an_ending(mlflow, tmp_path):
    """Once it no longer does, ours can go."""
    visualization.MLflowVisBackend(save_dir=str(tmp_path)).add_image('owl', np.zeros((4, 6, 3), np.uint8))
    assert mlflow.logged == [((4, 6, 3), 'owl')]
