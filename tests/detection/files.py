"""Small data sets in each of the formats, with the same two pictures."""

import json

import numpy as np
from PIL import Image

# The boxes by VOC's convention: the first pixel is 1, the last one is inside. In ours: 0, 2, 10, 12; 4, 4, 20, 8; 1, 1, 3, 3.
VOC = {"a": [("cat", (1, 3, 10, 12), 0), ("dog", (5, 5, 20, 8), 1)], "b": [("cat", (2, 2, 3, 3), 0)]}
EDGES = {"a": [[0, 2, 10, 12], [4, 4, 20, 8]], "b": [[1, 1, 3, 3]]}


def pictures(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in VOC:
        Image.fromarray(np.zeros((16, 24, 3), np.uint8)).save(folder / f"{name}.png")


def xml(things, size=(16, 24), more=""):
    objects = "".join(f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x}</xmin><ymin>{y}</ymin>"
                      f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>" for name, (x, y, right, bottom), difficult in things)
    return f"{more}<annotation><size><width>{size[1]}</width><height>{size[0]}</height></size>{objects}</annotation>"


def voc(folder, things=VOC, **settings):
    pictures(folder / "JPEGImages")
    for part in ("Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for name, of_picture in things.items():
        (folder / "Annotations" / f"{name}.xml").write_text(xml(of_picture, **settings))
    (folder / "ImageSets/Main/test.txt").write_text("b\n")
    return folder


def coco_value():
    images = [{"id": 7, "file_name": "a.png", "height": 16, "width": 24}, {"id": 3, "file_name": "b.png"}]
    annotations = [{"id": 1, "image_id": 7, "category_id": 5, "bbox": [0, 2, 10, 10], "iscrowd": 0},
                   {"id": 2, "image_id": 7, "category_id": 9, "bbox": [4, 4, 16, 4], "iscrowd": 1},
                   {"id": 3, "image_id": 3, "category_id": 5, "bbox": [1, 1, 2, 2]}]
    return {"images": images, "annotations": annotations, "categories": [{"id": 9, "name": "dog"}, {"id": 5, "name": "cat"}]}


def coco(folder):
    pictures(folder)
    (folder / "instances.json").write_text(json.dumps(coco_value()))
    return folder / "instances.json"


TABLES = {
    "edges": "file,class,left,top,right,bottom,difficult\na.png,cat,0,2,10,12,0\na.png,dog,4,4,20,8,1\nb.png,cat,1,1,3,3,\n",
    "pixels": "class,file,difficult,ymin,xmin,ymax,xmax\ncat,a.png,0,3,1,12,10\ndog,a.png,1,5,5,8,20\ncat,b.png,0,2,2,3,3\n",
}


def table(folder, kind="edges"):
    pictures(folder)
    (folder / "boxes.csv").write_text(TABLES[kind])
    return folder / "boxes.csv"
