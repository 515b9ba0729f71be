"""Maps on the disk, to be scored without the model."""

from .map_file import MapFile
from .map_parts import MapPart, merge_parts
from .score_map_folder import ScoreMapFolder
from .scoring import evaluate_maps

__all__ = ['MapFile', 'MapPart', 'ScoreMapFolder', 'evaluate_maps', 'merge_parts']
