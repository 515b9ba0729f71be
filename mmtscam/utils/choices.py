"""Names between which a user chooses.

They have a module of their own, because a command line lists them before
anything heavy is imported.
"""

# Data sets of a config, by the name of their dataloader.
SPLITS = ('train', 'val', 'test')
# The classes of an image that get pseudo boxes.
LABELS = ('known', 'predicted')
# Files of predictions.
PREDICTION_FORMATS = ('json', 'csv', 'coco')
# Places of a COCO file and of its images, as readers want them.
COCO_LAYOUTS = ('plain', 'datumaro', 'flat', 'rfdetr', 'imagefolder')
# Endings of the files of figures and of exported models.
FIGURE_ENDINGS = ('.pdf', '.svg', '.png')
EXPORT_ENDINGS = ('.onnx', '.pt2')
# Benchmarks of speed.
WORKLOADS = ('evaluate', 'train', 'predict', 'load')
PRECISIONS = ('fp32', 'bf16')
