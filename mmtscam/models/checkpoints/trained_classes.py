"""The classes that a file of weights was trained on."""

from typing import Any, NamedTuple

from torch import nn


class TrainedClasses(NamedTuple):
    """Class names of a file from which a part of a model has its weights.

    Attributes:
        file: The file.
        names: Names by label; empty where the file has none.
        exact: Whether the part must know these classes and no others. False:
            its weights are a start, and may be trained on others.
    """

    file: str
    names: tuple[str, ...]
    exact: bool


def classes_of(content: Any) -> tuple[str, ...]:
    """Class names in a file's content, which mmengine writes beside the weights; empty where there are no such texts.

    Args:
        content: The result of :func:`~.files.read_content`.
    """
    for key in ('meta', 'dataset_meta', 'classes'):
        content = content.get(key) if isinstance(content, dict) else None
    named = isinstance(content, (list, tuple)) and all(isinstance(name, str) for name in content)
    return tuple(content) if named else ()


def trained_classes(model: nn.Module) -> list[TrainedClasses]:
    """The classes that parts of a model, which started from a classifier, remember as ``trained_classes``."""
    return [known for part in model.modules() if (known := getattr(part, 'trained_classes', None))]
