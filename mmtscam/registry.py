"""The scope ``mmtscam``: children of mmengine's registries.

With ``default_scope = 'mmtscam'`` a config finds our components by their
name, mmengine's and mmcv's too, and those of siblings as ``mmpretrain.X`` and
``mmdet.X``. There is a child of every registry, also where we register
nothing: mmengine warns at each build where a scope lacks one.

Its import also checks that the OpenMMLab packages suit, lets other projects
inherit our configs, and lets protected loading read mmengine's checkpoints.
"""

import warnings
from typing import Any

from .requirements import check_requirements

check_requirements()
# mmcv says so at import wherever mmcv-lite is installed, which is enough here.
warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')

from mmengine import registry as root  # noqa: E402 - only after the check
from mmengine.registry import Registry  # noqa: E402

from .utils.external_configs import allow_inheritance  # noqa: E402
from .utils.safe_loading import allow_mmengine_checkpoints  # noqa: E402

allow_mmengine_checkpoints()
allow_inheritance()


def _child(parent: Registry, location: str | None = None, kind: type[Registry] = Registry) -> Registry:
    location = f'mmtscam.{location}' if location else 'mmtscam'
    return kind(parent.name, parent=parent, scope='mmtscam', locations=[location])


class _Functions(Registry):
    """Functions, among which mmengine's inferencers look for a loader's ``collate_fn``.

    They take it for a name, though it is a dict for the Runner, and would
    fail. Told as here that there is none, they keep images and samples apart,
    as they have to: theirs are of any size, and come with what was given.
    """

    def get(self, key: Any) -> Any:
        """See mmengine's ``Registry``.

        Raises:
            AttributeError: If ``key`` is the config of a function.
        """
        if isinstance(key, dict):
            raise AttributeError(f'a function is looked up by its name, not by its config: {key}')
        return super().get(key)


RUNNERS = _child(root.RUNNERS)
RUNNER_CONSTRUCTORS = _child(root.RUNNER_CONSTRUCTORS)
LOOPS = _child(root.LOOPS, 'engine')
HOOKS = _child(root.HOOKS, 'engine')
LOG_PROCESSORS = _child(root.LOG_PROCESSORS)
FUNCTIONS = _child(root.FUNCTIONS, 'engine', _Functions)
OPTIMIZERS = _child(root.OPTIMIZERS)
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS)
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS)
DATASETS = _child(root.DATASETS, 'datasets')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS)
TRANSFORMS = _child(root.TRANSFORMS, 'datasets.transforms')
MODELS = _child(root.MODELS, 'models')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS)
WEIGHT_INITIALIZERS = _child(root.WEIGHT_INITIALIZERS)
TASK_UTILS = _child(root.TASK_UTILS)
METRICS = _child(root.METRICS, 'evaluation')
EVALUATOR = _child(root.EVALUATOR)
VISUALIZERS = _child(root.VISUALIZERS, 'visualization')
VISBACKENDS = _child(root.VISBACKENDS)
INFERENCERS = _child(root.INFERENCERS)

# Readers of boxes and masks are ours alone: no sibling has a registry for them.
BOX_READERS = Registry('box reader', scope='mmtscam', locations=['mmtscam.datasets.boxes'])
MASK_READERS = Registry('mask reader', scope='mmtscam', locations=['mmtscam.datasets.masks'])
