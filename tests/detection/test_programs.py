"""The program minigoog.detection: what it prints and writes, and one line for whatever is wrong."""

import json

import numpy as np
import pytest

from minigoog.detection import Detections, Objects, found, selective_search
from minigoog.detection.__main__ import main
from minigoog.detection.drawing import annotated, regions_at, segments_in_colours
from minigoog.detection.drawing.boxes import GREEN, RED
from minigoog.detection.measuring import coverage, evaluate
from minigoog.detection.programs.evaluating import evaluation_text
from minigoog.detection.programs.proposing import coverage_text
from minigoog.detection.proposals import hierarchies
from minigoog.reading import DamagedFile
from tests.detection import files


def detections_file(path, dataset="voc"):
    """Detections of both pictures of files.VOC: all objects, and one that is wrong."""
    path.write_text(json.dumps({"pictures": [
        {"file": "x/a.png", "boxes": [[0, 2, 10, 12], [0, 0, 3, 3]], "classes": ["cat", "cat"], "scores": [0.9, 0.95]},
        {"file": "b.png", "boxes": [[1, 1, 3, 3]], "classes": ["cat"], "scores": [0.5]}]}))  # fmt: skip
    return path


def failed(arguments, capsys):
    """The error of a call that ends with exit code 2, on one line."""
    with pytest.raises(SystemExit) as end:
        main(list(map(str, arguments)))
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.count("\n") == 1, error
    return error


def test_propose_writes_boxes_and_a_figure_and_prints_their_recall(tmp_path, capsys):
    folder, out = files.voc(tmp_path / "set"), tmp_path / "boxes.json"
    figure = tmp_path / "boxes.png"
    main(["propose", "--data", str(folder), "--json", str(out), "--figure", str(figure), "--width", "48", "--smallest", "2"])
    printed = capsys.readouterr().out
    assert printed.startswith("2 pictures, 3 objects: cat 2, dog 1\nboxes a picture  recall at .5  at .7   MABO\n")
    assert f"{out}: 2 pictures\n{figure}: 2 pictures\n" in printed and figure.stat().st_size > 1000
    written = json.loads(out.read_text())
    assert written["strategy"] == "fast" and written["width"] == 48 and written["pictures"][0]["boxes"] == [[0.0, 0.0, 24.0, 16.0]]


@pytest.mark.parametrize(("flag", "name"), [("--figure", "JPEGImages/b.png"), ("--json", "Annotations/a.xml"),
                                            ("--json", "ImageSets/Main/test.txt")])  # fmt: skip
def test_files_of_the_data_are_not_written_over(tmp_path, capsys, flag, name):
    output = files.voc(tmp_path / "set") / name
    before = output.read_bytes()
    assert f"{output}: is read, so it is not written over" in failed(["propose", "--data", tmp_path / "set", flag, output], capsys)
    assert output.read_bytes() == before


@pytest.mark.parametrize("command", ["detect", "evaluate"])
def test_a_least_score_that_is_no_number_is_refused(command, capsys):
    assert "argument --least: expected a number from -1e+09 to 1e+09, got 'nan'" in failed([command, "x", "--least", "nan"], capsys)


def test_propose_takes_pictures_too(tmp_path, capsys):
    files.pictures(tmp_path)
    figure = tmp_path / "a.svg"
    main(["propose", str(tmp_path / "a.png"), "--width", "30", "--smallest", "0", "--figure", str(figure)])
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'a.png'}: 1 boxes\n") and figure.exists()


@pytest.mark.parametrize(("rule", "title"), [("voc", "VOC 2010: all points, IoU 0.5"), ("voc07", "VOC 2007: 11 points, IoU 0.5")])
def test_evaluate_prints_a_table_and_names_the_rule(tmp_path, capsys, rule, title):
    folder, path = files.voc(tmp_path / "set"), detections_file(tmp_path / "found.json")
    out, figure = tmp_path / "result.json", tmp_path / "curves.png"
    main(["evaluate", str(path), "--data", str(folder), "--rule", rule, "--json", str(out), "--figure", str(figure)])
    printed = capsys.readouterr().out
    assert f"mAP 0.667 ({title})" in printed and figure.stat().st_size > 1000  # wrong, right, right: 2/3 at every recall
    rows = [line.split() for line in printed.splitlines()]
    assert ["cat", "2", "3", "2", "1.000", "0.667"] in rows and ["dog", "0", "0", "0", "-", "-"] in rows
    result = json.loads(out.read_text())
    assert (result["rule"], result["title"]) == (rule, title) and result["map"] == pytest.approx(2 / 3)


def test_detections_that_found_nothing_are_measured(tmp_path, capsys):
    (path := tmp_path / "found.json").write_text('{"pictures": []}')
    main(["evaluate", str(path), "--data", str(files.voc(tmp_path / "set"))])
    assert "mAP 0.000 (VOC 2010" in capsys.readouterr().out


def test_a_class_that_the_data_do_not_have_is_named_and_left_out(tmp_path, capsys):
    found.write(tmp_path / "found.json", [found.Found("b.png", np.array([[1.0, 1, 3, 3]] * 2), ["bird", "cat"], [0.9, 0.5])])
    main(["evaluate", str(tmp_path / "found.json"), "--data", str(files.voc(tmp_path / "set")), "--split", "test"])
    captured = capsys.readouterr()
    assert "has bird, of which the data have no objects" in captured.err and "mAP 1.000 (VOC 2010" in captured.out


def test_faults_of_the_data_are_named(tmp_path, capsys):
    folder = files.voc(tmp_path / "set", {"a": [("cat", (5, 5, 2, 9), 0), ("cat", (1, 1, 9, 9), 0)]})
    main(["propose", "--data", str(folder), "--width", "24"])
    captured = capsys.readouterr()
    assert "1 inverted, left out" in captured.out and "object 1, cat 5, 5, 2, 9: inverted" in captured.err


def test_wrong_flags_and_files_are_one_line(tmp_path, capsys):
    folder, path = files.voc(tmp_path / "set"), detections_file(tmp_path / "found.json")
    assert "pass either pictures or --data" in failed(["propose"], capsys)
    picture = folder / "JPEGImages/a.png"
    assert "--superpixels is 0.0, expected a finite number" in failed(["propose", picture, "--superpixels", "0"], capsys)
    assert "no list of pictures 'val', expected one of test" in failed(["propose", "--data", folder, "--split", "val"], capsys)
    assert "a.gif: no such file" in failed(["propose", picture, "a.gif"], capsys)
    assert "--rule: invalid choice: 'x'" in failed(["evaluate", path, "--data", folder, "--rule", "x"], capsys)
    assert "--images is 'x', but Pascal VOC has its own folder" in failed(["propose", "--data", folder, "--images", "x"], capsys)
    assert "detect: --split is 'test', but needs --data" in failed(["detect", "x", picture, "--split", "test"], capsys)
    assert "propose: --images is 'x', but needs --data" in failed(["propose", picture, "--images", "x"], capsys)
    path.write_text("{}")
    assert "found.json: not a file of boxes (it has no 'pictures')" in failed(["evaluate", path, "--data", folder], capsys)


@pytest.mark.parametrize(("text", "message"), [
    ("[]", "expected an object"), ('{"pictures": 3}', "its pictures are 3, expected a list"),
    ('{"pictures": [3]}', "it has 3, expected an object"),
    ('{"pictures": [{"file": "a", "boxes": [[1, 2, 3]]}]}', "expected lists of left, top, right, bottom"),
    ('{"pictures": [{"file": "a", "boxes": [[1, 2, 3, "x"]]}]}', "its box is 'x', expected a number"),
    ('{"pictures": [{"file": "a", "boxes": [[1, 2, 3, 4]], "classes": [], "scores": []}]}', "expected one of each box"),
])  # fmt: skip
def test_a_file_of_boxes_that_is_none_is_refused_by_name(tmp_path, text, message):
    (path := tmp_path / "found.json").write_text(text)
    with pytest.raises(DamagedFile, match=f"{path}: not a file of boxes .*{message}"):
        found.read(path)


def test_boxes_are_read_as_they_were_written(tmp_path):
    boxes = [found.Found("a.jpg", np.array([[1.25, 2, 3, 4.5]]), ["cat"], [0.5]), found.Found("b.jpg", np.zeros((0, 4)))]
    found.write(tmp_path / "boxes.json", boxes, strategy="fast")
    first, second = found.read(tmp_path / "boxes.json")
    assert first.boxes.tolist() == [[1.25, 2, 3, 4.5]] and (first.classes, first.scores) == (["cat"], [0.5])
    assert second.boxes.shape == (0, 4) and second.classes is None


def test_pictures_of_one_name_are_told_apart_by_their_paths(tmp_path, capsys, monkeypatch):
    for name in "ab":
        files.pictures(tmp_path / "set" / name)
    rows = [f"{name}.png,cat,{i},{i},{i + 9},{i + 9}\n" for i, name in enumerate(("a/a", "b/a"))]
    (tmp_path / "set" / "boxes.csv").write_text("file,class,left,top,right,bottom\n" + "".join(rows))
    given = [found.Found(f"set/{name}/a.png", np.array([[i, i, i + 9.0, i + 9]]), ["cat"], [0.9]) for i, name in enumerate("ab")]
    monkeypatch.chdir(tmp_path)
    found.write("found.json", given[::-1])
    main(["evaluate", "found.json", "--data", str(tmp_path / "set" / "boxes.csv")])
    assert "mAP 1.000" in capsys.readouterr().out
    places = [tmp_path / "set" / name / "a.png" for name in "ba"]
    assert found.of_pictures("found.json", given, places) == given[::-1]
    assert found.of_pictures("found.json", given[:1], places) == [None, given[0]]  # not the boxes of the other a.png
    moved = [tmp_path / "moved" / "a.png", tmp_path / "moved" / "b.png"]
    assert found.of_pictures("found.json", given[:1], moved) == [given[0], None]
    for boxes, pictures in ((given, moved), (given[:1], [*moved, tmp_path / "a.png"])):
        with pytest.raises(ValueError, match="found.json: several pictures are called a.png, expected boxes with the path of each"):
            found.of_pictures("found.json", boxes, pictures)
    with pytest.raises(ValueError, match="found.json: has boxes of set/a/a.png twice"):
        found.of_pictures("found.json", [given[0], given[0]], places)


@pytest.mark.parametrize(("entry", "message"), [
    ({"file": "c.png", "boxes": []}, "has c.png, which the data do not have"),
    ({"file": "a.png", "boxes": [[1, 1, 2, 2]]}, "have no classes"),
])  # fmt: skip
def test_detections_that_do_not_fit_the_data_are_refused(tmp_path, capsys, entry, message):
    (path := tmp_path / "found.json").write_text(json.dumps({"pictures": [entry]}))
    assert message in failed(["evaluate", path, "--data", files.voc(tmp_path / "set")], capsys)


# ---- tables and drawings ----


def test_tables_of_recall_and_of_precision():
    objects = [Objects(np.array([[0.0, 0, 10, 10], [20, 0, 30, 10]]), np.array([0, 1]), np.zeros(2, bool))]
    covered = coverage(objects, [np.array([[0.0, 0, 10, 6], [20, 0, 30, 10]])], ["cat", "dog"], (1, None))
    lines = [line.split() for line in coverage_text(covered).splitlines()]
    assert ["1", "0.500", "0.000", "0.300"] in lines and ["2", "1.000", "0.500", "0.800"] in lines
    assert ["cat", "1", "1.000", "0.000", "0.600"] in lines and ["dog", "1", "1.000", "1.000", "1.000"] in lines
    nothing = evaluate([Objects(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0, bool))],
                       [Detections(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))], ["cat"])
    assert evaluation_text(nothing).endswith("mAP - (VOC 2010: all points, IoU 0.5)")


def test_outlines_are_drawn_inside_the_picture():
    image = np.zeros((10, 12, 3), np.uint8)
    drawn = annotated(image, [(np.array([[2.0, 3, 6, 8]]), RED), (np.array([[-5.0, -5, 4, 4], [50, 50, 60, 60]]), GREEN)])
    assert not image.any() and drawn[7, 3].tolist() == list(RED)
    assert drawn[4, 3].tolist() == [0, 0, 0] and drawn[3, 3].tolist() == list(GREEN)


def test_regions_after_merges_are_those_of_the_hierarchy():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    (hierarchy,) = hierarchies(image, "single", 0.2)
    n, m = len(hierarchy.regions.sizes), len(hierarchy.merged)
    assert m > 3 and np.array_equal(regions_at(hierarchy, 0), hierarchy.regions.labels) and (regions_at(hierarchy, m) == n + m - 1).all()
    for merges in (1, m // 2):
        labels = regions_at(hierarchy, merges)
        assert len(np.unique(labels)) == n - merges
        last = n + merges - 1
        rows, columns = np.nonzero(labels == last)
        assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == hierarchy.boxes[last].tolist()


def test_segments_in_colours_are_means():
    image = np.array([[[10, 0, 0], [20, 0, 0], [7, 7, 7]]], np.uint8)
    assert segments_in_colours(np.array([[0, 0, 1]], np.int32), image).tolist() == [[[15, 0, 0], [15, 0, 0], [7, 7, 7]]]


def test_boxes_of_a_real_picture_are_inside_it():
    image = np.random.default_rng(0).integers(0, 256, (30, 90, 3)).astype(np.uint8)
    boxes = selective_search(image, "single", width=60, smallest=0)
    assert boxes.min() >= 0 and (boxes.max(axis=0) <= [90, 30, 90, 30]).all()
