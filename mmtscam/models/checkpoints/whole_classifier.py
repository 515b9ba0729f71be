"""Loading a whole classifier, backbone and head."""

import re
import textwrap

from mmengine.model import BaseModel

from .differences import seems
from .files import read_content
from .pretrained import load_backbone, weights_of
from .trained_classes import TrainedClasses, classes_of

# The last layer in torchvision and timm.
_LINEAR = re.compile(r'(fc|classifier)\.(weight|bias)$')


def load_whole_classifier(classifier: BaseModel, checkpoint: str, setting: str) -> None:
    """Load all parameters of a classifier.

    Args:
        classifier: An mmpretrain ``ImageClassifier``; changed in place. It
            remembers the classes of the file, see :class:`TrainedClasses`.
        checkpoint: Local path or URL of a checkpoint of this classifier, or of
            one network, as torchvision's and timm's are, whose linear
            classifier ``fc`` or ``classifier`` is the head's.
        setting: The setting of a config that names the file, for errors.

    Raises:
        FileNotFoundError: If the file cannot be had; says where to put it.
        ValueError: If the file cannot be read or does not hold exactly this
            classifier.
    """
    content = read_content(checkpoint, setting)
    state = weights_of(content, checkpoint)
    classifier.trained_classes = TrainedClasses(checkpoint, classes_of(content), exact=True)
    try:
        if any(name.startswith('backbone.') for name in state):
            classifier.load_state_dict(state)
        else:
            linear = {
                f'fc.{name}': state.get(f'fc.{name}', state.get(f'classifier.{name}')) for name in ('weight', 'bias')
            }
            classifier.head.load_state_dict({name: each for name, each in linear.items() if each is not None})
            load_backbone(classifier.backbone, state, checkpoint)
    except RuntimeError as error:
        raise ValueError(
            f'{checkpoint}: holds another classifier than the config, it seems to be {seems(state)}: set {setting} '
            'to a checkpoint of this classifier, or the classifier to the model of its config. First differences: '
            f'{textwrap.shorten(str(error), 400, placeholder=" ...")}'
        ) from error
