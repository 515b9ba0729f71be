"""A metric: the mean IoU of the best box of the true class."""

from mmtscam.evaluation import BaseLocMetric, Number
from mmtscam.evaluation.samples import true_boxes, true_class_map
from mmtscam.localization import box_overlaps, map_to_boxes
from mmtscam.registry import METRICS


@METRICS.register_module()
class MeanIoU(BaseLocMetric):
    def score(self, sample, protocol):
        boxes = map_to_boxes(true_class_map(sample, self.map_kind), protocol)
        return dict(iou=float(box_overlaps(boxes, true_boxes(sample, protocol))[0].max()))

    def summarise(self, scored, images):
        return [Number('mean_iou', 100 * sum(row['iou'] for row in scored) / images)]
