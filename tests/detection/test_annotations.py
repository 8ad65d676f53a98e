"""Data sets of Pascal VOC, COCO and CSV: one structure, and every oddity named."""

import json

import numpy as np
import pytest

from minigoog.detection import open_detection
from minigoog.detection.annotations import coco, voc
from minigoog.detection.annotations.faults import INVERTED, OUTSIDE, ZERO
from minigoog.reading import DamagedFile
from tests.detection import files

KINDS = {"voc": files.voc, "coco": files.coco, "edges": files.table, "pixels": lambda folder: files.table(folder, "pixels")}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_objects_come_from_every_format(tmp_path, kind):
    found = open_detection(KINDS[kind](tmp_path / "set"))
    assert found.classes == ("cat", "dog") and found.faults == [] and [picture.file.stem for picture in found.pictures] == ["a", "b"]
    a, b = found.objects
    assert a.boxes.tolist() == files.EDGES["a"] and b.boxes.tolist() == files.EDGES["b"] and a.boxes.dtype == np.float64
    assert a.labels.tolist() == [0, 1] and b.labels.tolist() == [0] and a.difficult.tolist() == [False, True]
    assert (found.pictures[0].height, found.pictures[0].width) == (16, 24) == found.pictures[0].pixels().shape[:2]
    assert found.summary() == "2 pictures, 3 objects: cat 2, dog 1"


def test_an_annotation_of_coco_may_have_the_id_0(tmp_path):
    """pycocotools takes 0 for no match and gives such an object an AP of 0; here ids of annotations mean nothing."""
    value = files.coco_value()
    for number, entry in enumerate(value["annotations"]):
        entry["id"] = number
    files.coco(tmp_path).write_text(json.dumps(value))
    assert [each.boxes.tolist() for each in open_detection(tmp_path / "instances.json").objects] == [files.EDGES["a"], files.EDGES["b"]]


def test_a_split_is_a_list_of_voc(tmp_path):
    folder = files.voc(tmp_path / "set")
    assert [picture.file.stem for picture in open_detection(folder, "test").pictures] == ["b"]
    with pytest.raises(ValueError, match="no list of pictures 'val', expected one of test"):
        open_detection(folder, "val")
    with pytest.raises(ValueError, match="`split` is 'test', but a file has no lists"):
        open_detection(files.coco(tmp_path / "other"), "test")


def test_a_list_of_a_class_is_no_split(tmp_path):
    folder = files.voc(tmp_path / "set", {"a": [("cat", (1, 1, 9, 9), 0)], "cell 1": [("cat", (1, 1, 9, 9), 0)]})
    (folder / "JPEGImages/b.png").rename(folder / "JPEGImages/cell 1.png")
    for name, lines in (("cat_test", "a  1\nb -1\n"), ("dog_test", "b -1\n"), ("cells", "cell 1\n"), ("none", "")):
        (folder / f"ImageSets/Main/{name}.txt").write_text(lines)
    for name, message in (("val", "no list of pictures 'val'"), ("dog_test", "'dog_test' says which pictures have a class")):
        with pytest.raises(ValueError, match=f"set: {message}, expected one of cells, none, test$"):
            open_detection(folder, name)
    assert [picture.file.stem for picture in open_detection(folder, "cells").pictures] == ["cell 1"]


def test_odd_boxes_are_named_and_nothing_is_changed_silently(tmp_path):
    boxes = [(0, 1, 9, 9), (3, 3, 25, 9), (4, 4, 4, 4), (9, 9, 4, 12), (1, 1, 24, 16)]
    found = open_detection(files.voc(tmp_path / "set", {"a": [("cat", box, 0) for box in boxes]}))
    assert [fault.kind for fault in found.faults] == [OUTSIDE, OUTSIDE, ZERO, INVERTED]
    assert found.objects[0].boxes.tolist() == [[-1, 0, 9, 9], [2, 2, 25, 9], [0, 0, 24, 16]]  # as they are; those without area are left out
    source = tmp_path / "set/Annotations/a.xml"
    assert found.faults[2].text == f"{source}: object 3, cat 4, 4, 4, 4: of zero size, left out"
    assert found.summary() == ("1 pictures, 3 objects: cat 3; 2 out of the picture; 1 of zero size, left out; 1 inverted, left out")


def test_bccd_has_two_boxes_of_zero_size(bccd):
    found = open_detection(bccd)
    assert found.summary() == "364 pictures, 4,886 objects: Platelets 361, RBC 4,153, WBC 372; 2 of zero size, left out"
    assert [fault.text.split("/")[-1].split(":")[0] for fault in found.faults] == ["BloodImage_00338.xml", "BloodImage_00343.xml"]
    test = open_detection(bccd, "test")
    assert test.summary() == "72 pictures, 945 objects: Platelets 69, RBC 805, WBC 71"


# ---- what is refused ----

BOMB = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]>'


@pytest.mark.parametrize(("text", "message"), [
    (files.xml([], more=BOMB), r"it has a document type \(DOCTYPE\), expected none"), ("<a>", "no element found"),
    (files.xml([]).replace("annotation>", "html>"), "its root is html, expected annotation"), ("", "no element found"),
    (files.xml([("cat", ("x", 1, 2, 2), 0)]), "its xmin is 'x', expected a number"),
    (files.xml([("cat", ("nan", 1, 2, 2), 0)]), "its xmin is 'nan', expected a number"),
    (files.xml([("cat", ("1e400", 1, 2, 2), 0)]), "its xmin is '1e400', expected a number"),
    (files.xml([(" ", (1, 1, 2, 2), 0)]), "its class is ' '"),
    (files.xml([("cat", (1, 1, 2, 2), 0)]).replace("xmax", "max"), "its xmax is None, expected a number"),
    ("<annotation>" + "x" * voc.LONGEST_XML + "</annotation>", "more than 1048576 bytes"),
])  # fmt: skip
def test_xml_that_is_no_annotation_is_refused_by_name(tmp_path, text, message):
    (path := tmp_path / "a.xml").write_text(text)
    with pytest.raises(DamagedFile, match=f"{path}: not annotations of Pascal VOC .*{message}"):
        voc.read(path)


def changed(**parts):
    return json.dumps(files.coco_value() | parts)


@pytest.mark.parametrize(("text", "message"), [
    ("[]", "expected an object"), ("{}", "it has no 'categories'"), (changed(images=3), "its images are 3, expected a list of objects"),
    (changed(images=[{"id": 1, "file_name": 5}]), "its file_name is 5, expected a name"),
    (changed(images=[{"id": 1, "file_name": "a"}] * 2), r"its images have \[1, 1\] as their ids, expected integers, each once"),
    (changed(annotations=[{"image_id": 99, "category_id": 5, "bbox": [1, 1, 1, 1]}]), "it has no 99"),
    (changed(annotations=[{"image_id": 3, "category_id": 5, "bbox": [1, 1, 1]}]), r"its bbox is \[1, 1, 1\], expected \[left, top"),
    (changed(annotations=[{"image_id": 3, "category_id": 5, "bbox": [1, 1, 1, True]}]), "its bbox is True, expected a number"),
])  # fmt: skip
def test_json_that_is_no_coco_is_refused_by_name(tmp_path, text, message):
    (path := tmp_path / "a.json").write_text(text)
    with pytest.raises(DamagedFile, match=f"{path}: not annotations of COCO .*{message}"):
        coco.read(path)


@pytest.mark.parametrize(("text", "message"), [
    ("", "its columns are , without bottom, class, file, left, right, top"),
    ("file,class,xmin,ymin,xmax\n", "without ymax"), ("file,class,left,top,right,bottom\na,b,1\n", "its top is None, expected a number"),
    ("file,class,left,top,right,bottom,difficult\na,b,1,1,2,2,x\n", "its difficult is 'x', expected 0 or 1"),
    ("file,class,left,top,right,bottom\n,b,1,1,2,2\n", "its file is ''"), ('file,"' + "a" * 140_000, "field larger than"),
])  # fmt: skip
def test_a_table_that_is_none_is_refused_by_name(tmp_path, text, message):
    (path := tmp_path / "a.csv").write_text(text)
    with pytest.raises(DamagedFile, match=f"{path}: not a table of boxes .*{message}"):
        open_detection(path)


def test_a_file_names_only_pictures_below_its_folder(tmp_path):
    path = files.table(tmp_path / "set")
    for name in ("../a.png", "/etc/a.png"):
        path.write_text(files.TABLES["edges"].replace("a.png", name))
        with pytest.raises(ValueError, match=f"names the picture '{name}', expected a path below"):
            open_detection(path)


def test_a_size_that_is_not_the_pictures_is_refused(tmp_path):
    folder = files.voc(tmp_path / "set", size=(24, 16))
    with pytest.raises(DamagedFile, match="a.xml: says that a.png has 16x24 pixels; it has 24x16"):
        open_detection(folder)


@pytest.mark.parametrize("name", ["", "boxes.txt"])
def test_what_is_no_data_set_is_refused(tmp_path, name):
    (tmp_path / "boxes.txt").write_text("")
    with pytest.raises(ValueError, match=r"expected a folder with Annotations \(Pascal VOC\), a .json file \(COCO\) or a .csv file"):
        open_detection(tmp_path / name)
