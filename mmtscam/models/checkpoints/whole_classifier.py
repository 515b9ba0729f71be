"""Loading a whole classifier, backbone and head."""

from mmengine.model import BaseModel

from .pretrained import load_pretrained, read_weights


def load_whole_classifier(classifier: BaseModel, checkpoint: str, setting: str) -> None:
    """Load all parameters of a classifier.

    Args:
        classifier: An mmpretrain ``ImageClassifier``; changed in place.
        checkpoint: Local path or URL of a checkpoint of this classifier, or of
            one network, as torchvision's are, whose linear classifier ``fc``
            is the head's.
        setting: The setting of a config that names the file, for errors.

    Raises:
        FileNotFoundError: If the file cannot be had; says where to put it.
        ValueError: If the file cannot be read or does not hold exactly this
            classifier.
    """
    state = read_weights(checkpoint, setting)
    try:
        if any(name.startswith('backbone.') for name in state):
            classifier.load_state_dict(state)
        else:
            classifier.head.load_state_dict({name: each for name, each in state.items() if name.startswith('fc.')})
            load_pretrained(classifier.backbone, checkpoint)
    except RuntimeError as error:
        raise ValueError(
            f'{checkpoint}: holds another classifier than the config: set {setting} to a checkpoint of this '
            f'classifier, or the classifier to the model of its config. First differences: '
            f'{" ".join(str(error).split())[:400]}'
        ) from error
