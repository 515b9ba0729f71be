"""The scope ``mmtscam``: children of mmengine's registries.

With ``default_scope = 'mmtscam'`` a config finds our components by their
name, mmengine's and mmcv's too, and those of siblings as ``mmpretrain.X`` and
``mmdet.X``. There is a child of every registry, also where we register
nothing: mmengine warns at each build where a scope lacks one.
"""

from mmengine import registry as root
from mmengine.registry import Registry


def _child(parent: Registry, location: str | None = None) -> Registry:
    location = f'mmtscam.{location}' if location else 'mmtscam'
    return Registry(parent.name, parent=parent, scope='mmtscam', locations=[location])


RUNNERS = _child(root.RUNNERS)
RUNNER_CONSTRUCTORS = _child(root.RUNNER_CONSTRUCTORS)
LOOPS = _child(root.LOOPS, 'engine')
HOOKS = _child(root.HOOKS, 'engine')
LOG_PROCESSORS = _child(root.LOG_PROCESSORS)
FUNCTIONS = _child(root.FUNCTIONS, 'engine')
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
