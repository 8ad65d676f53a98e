"""The same detections, judged by pycocotools and mean-average-precision (asked by make.py, whose answers are stored)."""

import contextlib
import io

import numpy as np

from tests.detection.scenes import CLASSES


def coco_truth(objects):
    """Objects as COCO's own program takes them: ids from 1, every area stated."""
    images = [{"id": i + 1, "height": 200, "width": 200} for i in range(len(objects))]
    annotations = []
    for i, each in enumerate(objects):
        for box, label, difficult in zip(each.boxes.tolist(), each.labels.tolist(), each.difficult.tolist(), strict=True):
            w, h = box[2] - box[0], box[3] - box[1]
            annotations.append({"id": len(annotations) + 1, "image_id": i + 1, "category_id": label + 1, "bbox": [box[0], box[1], w, h],
                                "area": w * h, "iscrowd": int(difficult)})
    return {"images": images, "annotations": annotations, "categories": [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]}


def coco_found(detections):
    return [{"image_id": i + 1, "category_id": label + 1, "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]], "score": score}
            for i, each in enumerate(detections)
            for box, label, score in zip(each.boxes.tolist(), each.labels.tolist(), each.scores.tolist(), strict=True)]


def coco_ap(objects, detections):
    """AP [thresholds, classes] by pycocotools, -1 for a class without objects."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = coco_truth(objects)
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(coco_found(detections)), "bbox")
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][:, :, :, 0, -1].mean(axis=1)


def voc_ap(objects, detections, points):
    """AP [classes] by mean-average-precision: it counts pixels inclusively, so the last pixel of our boxes is one less."""
    from mean_average_precision import MetricBuilder

    metric = MetricBuilder.build_evaluation_metric("map_2d", async_mode=False, num_classes=len(CLASSES))
    for there, found in zip(objects, detections, strict=True):
        truth = np.column_stack([there.boxes - [0, 0, 1, 1], there.labels, there.difficult, np.zeros(len(there.labels))])
        metric.add(np.column_stack([found.boxes - [0, 0, 1, 1], found.labels, found.scores]), truth)
    levels = np.linspace(0, 1, points) if points else None
    result = metric.value(iou_thresholds=0.5, recall_thresholds=levels) if points else metric.value(iou_thresholds=0.5)
    return np.array([float(result[0.5][label]["ap"]) for label in range(len(CLASSES))])
