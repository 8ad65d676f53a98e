"""A detector from the first window to the last box: training that goes on after a stop, files, and what is detected."""

import json
import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minigoog as mg
from minigoog.detection import Detections, evaluate, nms
from minigoog.detection.rcnn import saving
from minigoog.detection.rcnn.comparison import compare, mean_member, rows
from minigoog.detection.rcnn.detector import Way, proposed, thinned
from minigoog.detection.rcnn.network import split
from minigoog.detection.rcnn.training import DETECTOR, train
from minigoog.features import extract
from minigoog.formats import safetensors
from minigoog.reading import DamagedFile
from tests.answers import asked
from tests.detection.conftest import MULTIBOX, SMALL
from tests.detection.scenes import random_boxes


def test_the_two_parts_of_a_network_compute_what_it_does(world):
    _, model, _ = world
    x = np.random.default_rng(0).normal(0, 1, (3, 32, 32, 3)).astype(np.float32)
    expected = extract(model, x, "inception3c")
    for frozen in ("pool1", "inception2b"):
        parts = split(model, 32, frozen)
        assert np.abs(parts.tail(parts.trunk(mg.Tensor(x))).data - expected).max() < 1e-4
        assert not {name for name, _ in parts.tail.named_parameters()} & {name for name, _ in parts.trunk.named_parameters()}
    with pytest.raises(ValueError, match="split: `frozen` is 'pool9', expected a layer before the last map: pool"):
        split(model, 32, "pool9")


def test_a_run_that_was_stopped_ends_with_the_same_bits(world, tmp_path):
    dataset, model, folder = world
    for stop in ("windows of 2", "member 2: heads", "MultiBox: step 2"):
        for said in train(model, dataset, SMALL, tmp_path / "again"):
            if said.startswith(stop):
                break
    assert not any(said.startswith("member") for said in train(model, dataset, SMALL, tmp_path / "again"))  # all of them are there
    assert (tmp_path / "again" / DETECTOR).read_bytes() == (folder / DETECTOR).read_bytes()
    assert list(train(model, dataset, SMALL, tmp_path / "again")) == [f"{tmp_path / 'again' / DETECTOR}: is there already"]


def test_a_folder_of_another_run_is_refused(world):
    dataset, model, folder = world
    with pytest.raises(ValueError) as refused:
        list(train(model, dataset, replace(SMALL, steps=3, overlap=0.7), folder))
    said = f"{folder}: has a run with overlap 0.8 (now 0.7), steps 2 (now 3); choose another folder"
    assert str(refused.value) == said and not isinstance(refused.value, DamagedFile)  # nothing is wrong with its file
    other = mg.load(folder.parent / "weights.safetensors")
    next(iter(other.parameters())).data[...] = 0
    moved = replace(dataset.pictures[0], objects=dataset.pictures[1].objects)
    with pytest.raises(ValueError, match="has a run with other objects, other network; choose another folder"):
        list(train(other, replace(dataset, pictures=[moved, *dataset.pictures[1:]]), SMALL, folder))


def test_a_detector_of_a_file_detects_the_same(world, tmp_path):
    dataset, _, folder = world
    detector = saving.load(folder / DETECTOR)
    saving.save(detector, tmp_path / "copy.safetensors")
    image = dataset.pictures[0].pixels()
    first, second = detector.detect(image), saving.load(tmp_path / "copy.safetensors").detect(image)
    assert detector.settings == SMALL and detector.classes == ("disc", "square") and len(detector.members) == 2
    assert len(first.boxes) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert (np.diff(first.scores) <= 0).all() and first.boxes.min() >= 0 and (first.boxes.max(axis=0)[2:] <= [128, 96]).all()


def test_files_that_are_no_detectors_are_refused(world, tmp_path):
    (tmp_path / "a.safetensors").write_bytes((world[2].parent / "weights.safetensors").read_bytes())
    with pytest.raises(DamagedFile, match="a.safetensors: not a detector of minigoog"):
        saving.load(tmp_path / "a.safetensors")


def test_an_ensemble_averages_scores_and_boxes_before_suppression(world):
    dataset, _, folder = world
    detector = saving.load(folder / DETECTOR)
    image = dataset.pictures[0].pixels()
    boxes = detector.proposed(image)
    assert len(boxes) == len(proposed(image, SMALL)) + MULTIBOX
    features = detector.features(list(detector.maps(image, boxes)))
    found = detector.judged(boxes, features, Way((0, 1), "softmax", True), image.shape[:2])
    for label in (0, 1):
        scores = np.mean([m.heads.scores(x, "softmax")[:, label] for m, x in zip(detector.members, features, strict=True)], axis=0)
        places = np.mean([m.heads.moved(boxes, x, label) for m, x in zip(detector.members, features, strict=True)], axis=0)
        places = np.clip(places, 0, [128, 96, 128, 96])
        kept = nms(places, scores, 0.3)[:100]
        there = found.labels == label
        assert np.allclose(found.boxes[there], places[kept]) and np.allclose(found.scores[there], scores[kept])
    alone = detector.judged(boxes, features, Way((0,), "softmax", False), image.shape[:2])
    assert {tuple(box) for box in alone.boxes.tolist()} <= {tuple(box) for box in boxes.tolist()}


def test_an_ensemble_is_compared_with_its_mean_member(world):
    dataset, _, folder = world
    dataset, detector = replace(dataset, pictures=dataset.pictures[:2]), saving.load(folder / DETECTOR)
    *_, results = compare(detector, dataset, rows(detector), "voc07")
    by_title = {each.row.title: each for each in results}
    for said in ("", ", box regression"):
        alone = [by_title["box regression" if said else "one model"], by_title[f"member 2{said}"]]
        ensemble = by_title[f"ensemble of 2{said}"]
        for member, each in zip(detector.members, alone, strict=True):
            single = replace(detector, members=(member,), settings=replace(SMALL, regress=bool(said), multibox=0), multibox=None)
            judged = [single.detect(picture.pixels()) for picture in dataset.pictures]
            assert each.evaluation.map == evaluate(dataset.objects, judged, dataset.classes, "voc07").map
        assert mean_member(results, ensemble) == pytest.approx(np.mean([each.evaluation.map for each in alone]))
        assert ensemble.passes == 2 * alone[0].passes == 2 * alone[0].boxes and ensemble.seconds > 0


def test_nowhere_to_look_gives_nothing(world):
    detector = saving.load(world[2] / DETECTOR)
    image = world[0].pictures[0].pixels()
    assert [len(part) for part in detector.detect(image, np.zeros((0, 4)))] == [0, 0, 0]
    assert isinstance(detector.detect(np.zeros((1, 1, 3), np.uint8)), Detections)


@asked("opencv-python-headless")
def opencvs_suppression():
    import cv2

    boxes = random_boxes(np.random.default_rng(5), 200, 90.0)
    places = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return {"kept": np.asarray(cv2.dnn.NMSBoxes(places, np.linspace(1, 0.1, 200), 0.0, 0.4))}


def test_thinning_is_suppression_by_rank():
    boxes = random_boxes(np.random.default_rng(5), 200, 90.0)
    assert np.array_equal(thinned(boxes, 0.4), boxes[opencvs_suppression()["kept"]]) and thinned(boxes, 1.0) is boxes


# ---- programs ----


def test_the_programs_train_detect_and_compare(world, tmp_path, capsys):
    from minigoog.detection.__main__ import main

    _, _, folder = world
    voc, out = folder.parent / "voc", tmp_path / "run"
    flags = ["--size", "32", "--frozen", "inception3b", "--width", "128", "--most", "20", "--negatives", "10", "--steps", "1"]
    weights = str(folder.parent / "weights.safetensors")
    main(["train", "--data", str(voc), "--split", "train", "--weights", weights, "--output", str(out), *flags, "--no-svm"])
    printed = capsys.readouterr().out
    assert "windows of 3 of 3 pictures" in printed and printed.endswith(f"{out / DETECTOR}: written\n")
    found, drawn = tmp_path / "found.json", tmp_path / "drawn"
    main(["detect", str(out), str(voc / "JPEGImages/3.png"), "--json", str(found), "--drawn", str(drawn), "--least", "0"])
    assert re.search(r"3\.png: \d+ disc, \d+ square \([\d.]+ s: proposals [\d.]+, network [\d.]+\)\n", capsys.readouterr().out)
    assert len(json.loads(found.read_text())["pictures"][0]["scores"]) > 0
    assert mg.data.images.decode(drawn / "3.png").shape == (96, 128, 3)
    main(["evaluate", str(found), "--data", str(voc), "--split", "test"])
    table = capsys.readouterr().out
    sheet = tmp_path / "mistakes.png"
    main(["evaluate", str(out), "--data", str(voc), "--split", "test", "--json", str(tmp_path / "compared.json"), "--mistakes", str(sheet)])
    assert sheet.stat().st_size > 1000
    compared, rows = capsys.readouterr().out, json.loads((tmp_path / "compared.json").read_text())
    assert [row["way"] for row in rows] == ["one model", "superpixels x2", "box regression", "x2, box regression"]
    assert f"mAP {rows[2]['map']:.3f} (VOC 2010" in table and "(VOC 2010: all points, IoU 0.5)" in compared
    assert all(row["boxes"] == row["passes"] > 0 for row in rows)


def test_a_test_set_may_lack_a_class_but_not_have_another(world, tmp_path, capsys):
    from minigoog.detection.__main__ import main

    photo = world[0].pictures[0].file
    for name, code in (("square", 0), ("cat", 2)):
        (tmp_path / "boxes.csv").write_text(f"file,class,left,top,right,bottom\n{photo.name},{name},1,1,30,30\n")
        with pytest.raises(SystemExit) if code else nullcontext():
            main(["evaluate", str(world[2]), "--data", str(tmp_path / "boxes.csv"), "--images", str(photo.parent)])
    captured = capsys.readouterr()
    assert "does not know cat, which the data have; it knows disc, square" in captured.err
    assert re.search(r"one model +[\d.]+ +- +[\d.]+", captured.out)


def test_ctrl_c_says_how_to_go_on(world, tmp_path, capsys, monkeypatch):
    from minigoog.detection.__main__ import main
    from minigoog.detection.programs import training

    monkeypatch.setattr(training, "train", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    parent = world[2].parent
    with pytest.raises(SystemExit) as end:
        main(["train", "--data", str(parent / "voc"), "--weights", str(parent / "weights.safetensors"), "--output", str(tmp_path / "run")])
    assert end.value.code == 130 and capsys.readouterr().err.endswith("stopped; the same command goes on from here\n")


def test_pictures_of_any_kind_are_detected_in(world, tmp_path, capsys):
    from minigoog.detection.__main__ import main

    photo = Image.open(world[0].pictures[0].file)
    for name, mode in (("grey", "L"), ("clear", "RGBA"), ("palette", "P")):
        photo.convert(mode).save(tmp_path / f"{name}.png")
    Image.new("RGB", (1, 1)).save(tmp_path / "pixel.png")
    Image.new("L", (300, 1)).save(tmp_path / "line.png")
    paths = [str(path) for path in sorted(tmp_path.glob("*.png"))]
    main(["detect", str(world[2]), *paths, "--drawn", str(tmp_path / "drawn"), "--json", str(tmp_path / "found.json")])
    assert capsys.readouterr().out.count(" s: proposals ") == 5
    assert [path.stem for path in sorted((tmp_path / "drawn").iterdir())] == ["clear", "grey", "line", "palette", "pixel"]
    main(["page", str(world[2]), str(tmp_path / "pixel.png"), "--output", str(tmp_path / "page.html")])
    assert (tmp_path / "page.html").exists()


def test_pictures_that_would_be_lost_are_named_before_any_work(world, tmp_path, capsys):
    from minigoog.detection.__main__ import main

    photo = str(world[0].pictures[0].file)
    (link := tmp_path / "drawn" / "0.png").parent.mkdir()
    link.symlink_to(photo)
    before = Path(photo).read_bytes()
    for paths, message in (([photo, "b/0.jpg"], "b/0.jpg: no such file"), ([photo, photo], "0.png: two pictures would be drawn there"),
                           ([photo], f"{link}: is read, so it is not written over")):  # fmt: skip
        with pytest.raises(SystemExit) as end:
            main(["detect", str(world[2]), *paths, "--drawn", str(tmp_path / "drawn")])
        captured = capsys.readouterr()
        assert end.value.code == 2 and message in captured.err and captured.out == "" and [*(tmp_path / "drawn").iterdir()] == [link]
        assert link.is_symlink() and Path(photo).read_bytes() == before


@pytest.mark.parametrize(("flags", "message"), [
    (["--size", "8"], "argument --size: expected an integer from 32 to 512"), (["--nms", "3"], "train: --nms is 3.0, expected"),
    (["--config", "nothing.toml"], "nothing.toml: no such file"),
    (["--config", "fast"], "--config is 'fast', expected one of crops96"), (["--frozen", "pool9"], "--frozen is 'pool9', expected a layer"),
])  # fmt: skip
def test_wrong_flags_are_named_in_one_line(world, tmp_path, capsys, flags, message):
    from minigoog.detection.__main__ import main

    parent: Path = world[2].parent
    with pytest.raises(SystemExit) as end:
        weights, new = str(parent / "weights.safetensors"), str(tmp_path / "new")
        main(["train", "--data", str(parent / "voc"), "--weights", weights, "--output", new, *flags])
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.count("\n") == 1 and message.removeprefix("train: ") in error, error


@pytest.mark.parametrize(("facts", "message"), [
    ({"graphs": "{}"}, "it has no 'tail-1'"), ({"scales": "[]"}, "it has no members"), ({"classes": '["a"]'}, r"expected \[features, 2\]"),
    ({"scales": "[1]"}, "its head has weights"), ({"settings": '{"size": 3}'}, "`size` is 3"), ({"kind": "x"}, "do not say so"),
    ({"preprocess": "{}"}, "its preprocessing has no"), ({"classes": "[1]"}, r"its classes are \[1\]"),
])  # fmt: skip
def test_a_detector_with_odd_facts_is_refused_by_name(world, tmp_path, facts, message):
    arrays, metadata = safetensors.load(world[2] / DETECTOR)
    safetensors.save(tmp_path / "odd.safetensors", arrays, metadata | facts)
    with pytest.raises(DamagedFile, match=f"odd.safetensors: not a detector of minigoog .*{message}"):
        saving.load(tmp_path / "odd.safetensors")


def test_a_detector_with_odd_arrays_is_refused_by_name(world, tmp_path):
    arrays, metadata = safetensors.load(world[2] / DETECTOR)
    name = "heads-1/softmax.weight"
    for array, message in ((arrays[name] * np.nan, "values that are not finite"), (arrays[name][:, 0], "its head has weights of shape"),
                           (arrays[name][:3], "its head reads 3 numbers and its box regression ")):  # fmt: skip
        safetensors.save(tmp_path / "odd.safetensors", {**arrays, name: array.copy()}, metadata)
        with pytest.raises(DamagedFile, match=message):
            saving.load(tmp_path / "odd.safetensors")
    safetensors.save(tmp_path / "odd.safetensors", {key: array for key, array in arrays.items() if key != name}, metadata)
    with pytest.raises(DamagedFile, match="it has no 'heads-1/softmax.weight'"):
        saving.load(tmp_path / "odd.safetensors")
