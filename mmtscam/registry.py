"""The scope ``mmtscam``: children of mmengine's registries.

With ``default_scope = 'mmtscam'`` a config finds components of this package,
mmengine and mmcv by their name, and those of siblings as ``mmpretrain.X`` and
``mmdet.X``. Every registry has a child here, even one that stays empty:
mmengine warns at each build where a scope lacks one.

Importing this module also checks the versions of the OpenMMLab packages, leaves
out mmpretrain's multimodal part, lets other projects inherit our configs, and
lets protected loading read mmengine's checkpoints.
"""

import warnings
from typing import Any

from .requirements import check_requirements

check_requirements()
# mmcv warns so at import if mmcv-lite is installed, but mmcv-lite is enough here.
warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')

from mmengine import registry as root  # noqa: E402 - only after the check
from mmengine.registry import Registry  # noqa: E402

from .utils.external_configs import allow_inheritance  # noqa: E402
from .utils.multimodal import leave_out_multimodal  # noqa: E402
from .utils.safe_loading import allow_mmengine_checkpoints, refuse_unprotected_loading  # noqa: E402

leave_out_multimodal()
allow_mmengine_checkpoints()
refuse_unprotected_loading()
allow_inheritance()


def _child(parent: Registry, location: str | None = None, kind: type[Registry] = Registry) -> Registry:
    location = f'mmtscam.{location}' if location else 'mmtscam'
    return kind(parent.name, parent=parent, scope='mmtscam', locations=[location])


class _Functions(Registry):
    """Functions, among which mmengine's inferencers look for a loader's ``collate_fn``.

    Inferencers take it for a name and would fail, because it is a dict for the
    Runner. :meth:`get` tells them that there is none, and they then do not
    stack images and samples. This is right, because their images are of any
    size.
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
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS)
DATASETS = _child(root.DATASETS, 'datasets')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS, 'datasets.samplers')
TRANSFORMS = _child(root.TRANSFORMS, 'datasets.transforms')
MODELS = _child(root.MODELS, 'models')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS)
WEIGHT_INITIALIZERS = _child(root.WEIGHT_INITIALIZERS)
TASK_UTILS = _child(root.TASK_UTILS)
METRICS = _child(root.METRICS, 'evaluation')
EVALUATOR = _child(root.EVALUATOR)
VISUALIZERS = _child(root.VISUALIZERS, 'visualization')
VISBACKENDS = _child(root.VISBACKENDS, 'visualization')
INFERENCERS = _child(root.INFERENCERS)

# Readers of boxes and masks are ours alone: no sibling has a registry for them.
BOX_READERS = Registry('box reader', scope='mmtscam', locations=['mmtscam.datasets.boxes'])
MASK_READERS = Registry('mask reader', scope='mmtscam', locations=['mmtscam.datasets.masks'])
