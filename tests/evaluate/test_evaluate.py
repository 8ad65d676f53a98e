"""Testing the paper's way: the crops, the averages, the table, and the program from the command line."""

import json
import subprocess
import sys

import numpy as np
import pytest

import minigoog as mg
import minigoog.train
from minigoog.curves import epochs_of, summary
from minigoog.data import ArrayDataset, digits, open_dataset
from minigoog.evaluate import crops, mistakes, probabilities, table_3
from minigoog.evaluate.__main__ import main
from minigoog.evaluate.by_class import by_class, by_class_text
from minigoog.evaluate.mistakes import predictions, worst
from minigoog.evaluate.subset import subset
from minigoog.formats import saved_model

PILLOW = "Pillow is not installed (extra images): crops that need resizing were not tried"


def positions(h, w, c=3):
    """An image whose pixels say where they are."""
    image = np.zeros((h, w, c), np.uint8)
    image[..., 0], image[..., 1] = np.arange(h)[:, None] % 256, np.arange(w) % 256
    return image


def test_one_crop_of_an_image_of_the_networks_size_is_the_image():
    image = positions(32, 32)
    assert (crops(image, 32, 1) == image[None]).all()


@pytest.mark.parametrize("h, w", [(256, 300), (300, 256)])
def test_ten_crops_are_corners_centre_and_mirrors(h, w):
    pytest.importorskip("PIL", reason=PILLOW)
    image = positions(h, w)  # its shorter side is 256: nothing is resized
    top, left = (h - 224) // 2, (w - 224) // 2
    corners = [(0, 0), (0, w - 224), (h - 224, 0), (h - 224, w - 224), (top, left)]
    five = [image[y : y + 224, x : x + 224] for y, x in corners]
    assert (crops(image, 224, 10) == np.stack(five + [np.fliplr(crop) for crop in five])).all()


def test_144_crops_are_those_of_section_7():
    """4 scales x 3 squares x (4 corners, centre, the square resized) x mirror; compared with crops cut here from a ramp by hand."""
    pytest.importorskip("PIL", reason=PILLOW)
    image = positions(352, 400)
    found = crops(image, 224, 144)
    assert found.shape == (144, 224, 224, 3)
    assert (found[72:] == found[:72, :, ::-1]).all()
    last = found[54:72].reshape(3, 6, 224, 224, 3)  # the scale 352, at which nothing is resized
    for square, left in enumerate((0, 24, 48)):  # left, centre, right
        for i, (y, x) in enumerate([(0, 0), (0, 128), (128, 0), (128, 128), (64, 64)]):
            assert (last[square, i] == image[y : y + 224, left + x : left + x + 224]).all()
    portrait = crops(positions(400, 352), 224, 144)[54:72].reshape(3, 6, 224, 224, 3)
    assert (portrait[2, 0] == positions(400, 352)[48:272, :224]).all()
    assert len({crop.tobytes() for crop in found}) == 144


@pytest.mark.parametrize("size", [32, 28])
def test_small_images_get_the_scales_in_proportion(size):
    pytest.importorskip("PIL", reason=PILLOW)
    image = np.random.default_rng(0).integers(0, 256, (size, size, 1), np.uint8)
    assert (crops(image, size, 2) == np.stack([crops(image, size, 1)[0], np.fliplr(crops(image, size, 1)[0])])).all()
    for n in (10, 144):
        assert crops(image, size, n).shape == (n, size, size, 1)


def test_other_numbers_of_crops_are_refused():
    with pytest.raises(ValueError, match="crops: `n` is 5, expected one of 1, 2, 10, 144"):
        crops(positions(9, 9), 8, 5)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two tiny networks trained for a moment, in one ensemble."""
    folder = tmp_path_factory.mktemp("runs") / "ensemble"
    mg.train.fit(mg.train.Config(model="tiny", epochs=2, models=2, workers=0, output=folder))
    return [folder / "model-1", folder / "model-2"]


def reported(run):
    return epochs_of(run)[-1]["test_accuracy"]


def test_one_crop_gives_the_accuracy_that_training_reported(runs):
    _, test = digits()
    p = probabilities(mg.load(runs[0]), test, 1)
    assert (p.argmax(axis=1) == test.labels).mean() == pytest.approx(reported(runs[0]))
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5)


def test_ten_crops_average_the_probabilities_of_each(runs):
    pytest.importorskip("PIL", reason=PILLOW)
    _, test = digits()
    few, member = ArrayDataset(test.images[:7], test.labels[:7], test.classes), mg.load(runs[0])
    expected = []
    for image in few.images:
        x = ((crops(image, 8, 10) - member.info.mean) / member.info.std).astype(np.float32)
        with mg.no_grad():
            expected.append(mg.ops.softmax(member(mg.Tensor(x))).data.mean(axis=0))
    assert np.allclose(probabilities(member, few, 10), expected, atol=1e-5)


def test_batch_invariant_probabilities_of_an_image_are_the_same_bits_whatever_is_around_it(runs):
    pytest.importorskip("minigoog._native")
    _, test = digits()
    member = mg.load(runs[0])
    whole = probabilities(member, test, 1, batch_invariant=True)  # 355 images: batches of 240 and 115
    for i in (0, 7, 239, 240, 354):
        alone = ArrayDataset(test.images[i : i + 1], test.labels[i : i + 1], test.classes)
        assert np.array_equal(probabilities(member, alone, 1, batch_invariant=True)[0], whole[i])


def test_the_table_averages_models_before_it_counts_errors(runs):
    _, test = digits()
    members = [mg.load(run) for run in runs]
    rows, mean = table_3(members, test, [1], 5)
    both = sum(probabilities(member, test, 1) for member in members) / 2
    assert np.allclose(mean, both, atol=1e-6)
    assert [(row.models, row.crops, row.cost) for row in rows] == [(1, 1, 1), (2, 1, 2)]
    assert rows[0].error == pytest.approx(1 - reported(runs[0])) and rows[1].error == pytest.approx((both.argmax(1) != test.labels).mean())
    assert all(row.top_k <= row.error for row in rows)


def evaluate(*arguments):
    return subprocess.run([sys.executable, "-m", "minigoog.evaluate", *map(str, arguments)], capture_output=True, text=True, timeout=300)


def test_the_program_prints_table_and_confusion_and_writes_json(runs, tmp_path):
    done = evaluate(*runs, "--data", "digits", "--table", "--crops", 1, "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    assert "top-5 error" in done.stdout and "true \\ predicted" in done.stdout
    facts = json.loads((tmp_path / "out.json").read_text())
    assert [row["models"] for row in facts["rows"]] == [1, 2] and np.sum(facts["confusion"]) == 355
    assert "precision  recall" in done.stdout
    table, said = np.zeros((10, 10), int), facts["predictions"]
    for each in said:
        table[int(each["true"]), int(each["predicted"])] += 1
    assert np.array_equal(table, facts["confusion"]) and all(each["file"] is None and 0.1 <= each["probability"] <= 1 for each in said)
    assert [row["recall"] for row in facts["classes"]] == pytest.approx(np.diag(table) / table.sum(axis=1))


def test_precision_and_recall_by_class():
    """By hand: 8 of 10 cats found, 2 of them called dogs; 1 of 4 dogs found; no owl, and none predicted."""
    rows = by_class(np.array([[8, 2, 0], [3, 1, 0], [0, 0, 0]]), ("cat", "dog", "owl"))
    assert [(row.images, row.predicted, row.precision, row.recall) for row in rows] == [
        (10, 11, 8 / 11, 0.8), (4, 3, 1 / 3, 0.25), (0, 0, None, None),
    ]  # fmt: skip
    assert by_class_text(rows).splitlines()[2].split() == ["cat", "10", "11", "72.7%", "80.0%"]
    many = by_class(np.diag(range(30)) + np.eye(30, k=1, dtype=int), [f"class{i}" for i in range(30)])
    text = by_class_text(many)
    assert "class0 " in text and "class28" not in text and "20 of 30 classes with the lowest recall" in text


def test_the_worst_mistake_is_the_surest():
    few = ArrayDataset(np.zeros((4, 2, 2, 1), np.uint8), [0, 1, 0, 1], ("a", "b"))
    found = predictions(few, np.array([[0.4, 0.6], [0.1, 0.9], [0.05, 0.95], [0.7, 0.3]]))
    assert [(each.image, each.predicted, each.probability) for each in worst(found)] == [(2, "b", 0.95), (3, "a", 0.7), (0, "b", 0.6)]


def test_images_of_a_part_have_the_numbers_and_pixels_of_the_whole_data_set(runs, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra plots): no sheet was drawn")
    drawn, (_, test) = [], digits()
    monkeypatch.setattr(mistakes, "_draw_one", lambda axis, pixels, each: drawn.append((pixels, each)))
    main([str(runs[0]), "--data", "digits", "--images", "40", "--json", str(tmp_path / "part.json"), "--mistakes", str(tmp_path / "a.png")])
    said = json.loads((tmp_path / "part.json").read_text())["predictions"]
    assert [each["image"] for each in said] == np.linspace(0, 354, 40).astype(int).tolist()
    assert [each["true"] for each in said] == [test.classes[test.labels[each["image"]]] for each in said]
    assert drawn and all(np.array_equal(pixels, test.images[each.image]) for pixels, each in drawn)


def test_a_sheet_says_how_many_mistakes_there_are():
    said = [mistakes.heading(n) for n in (0, 1, 2, 1234)]
    assert said == ["no mistakes", "1 mistake", "2 mistakes, the surest one first", "1,234 mistakes; the 30 surest ones"]


@pytest.mark.parametrize("n", [0, 3, 40])
def test_a_sheet_shows_the_mistakes(tmp_path, n):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra plots): no sheet was drawn")
    image_module = pytest.importorskip("PIL.Image", reason=PILLOW)
    images = ArrayDataset(np.full((40, 9, 6, 1), 99, np.uint8), [0] * 40, ("$a", "b\n"))
    wrong = predictions(images, np.tile([[0.2, 0.8]], (40, 1)))[:n]
    mistakes.draw(images, wrong, tmp_path / "sheet.png")
    sheet = np.asarray(image_module.open(tmp_path / "sheet.png").convert("L"))
    grey = (sheet == 99).sum()  # the edges of letters are grey too
    assert grey > 5000 * min(n, 30) if n else grey < 500


def test_predictions_name_the_files_of_a_folder(tmp_path):
    image_module = pytest.importorskip("PIL.Image", reason=PILLOW)
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        for i in range(5):
            image_module.new("RGB", (8, 8)).save(tmp_path / name / f"{i}.png")
    test = open_dataset(tmp_path, "test")
    whole, part = (predictions(part, np.eye(2)[: len(part)]) for part in (test, subset(test, 1)))
    assert [each.file for each in whole] == [str(tmp_path / name / "4.png") for name in ("x", "y")] and part == whole[:1]


def test_the_folder_of_an_ensemble_is_all_its_models(runs):
    done = evaluate(runs[0].parent, "--data", "digits", "--batch-invariant")
    assert done.returncode == 0 and done.stdout.startswith("2 models, 355 test images"), done.stderr
    assert evaluate("curves", runs[0].parent).stdout.count("model-") == 2


def test_curves_of_several_runs(runs, tmp_path):
    done = evaluate("curves", *runs)
    assert done.returncode == 0 and done.stdout.count("model-") == 2 and f"{reported(runs[1]):.2%}" in done.stdout
    with open(runs[0] / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 99, "test_lo')  # a line that is being written
    assert "99" not in summary([runs[0]]).split()[2:]
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra plots): no curve was drawn")
    assert evaluate("curves", *runs, "--output", tmp_path / "curves.png").returncode == 0
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_curves_count_all_epochs_and_call_each_by_its_number(tmp_path):
    """Of --test-every 2, and of a fine-tuned network, whose epoch 0 is the classifier's."""
    numbers = {"train_loss": 1.0, "train_accuracy": 0.5, "lr": 0.1, "seconds": 60.0}
    for name, accuracies in (("every", {1: None, 2: 0.7, 3: None, 4: 0.9, 5: 0.8}), ("tuned", {0: 0.6, 1: 0.9, 2: 0.8})):
        lines = [{"epoch": epoch, **numbers} | ({"test_loss": 1.0, "test_accuracy": found} if found else {})
                 for epoch, found in accuracies.items()]
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = [line.split()[1:] for line in summary([tmp_path / "every", tmp_path / "tuned"]).splitlines()[-2:]]
    assert rows == [["5", "80.00%", "90.00%", "4", "5:00"], ["2", "80.00%", "90.00%", "1", "3:00"]]


@pytest.mark.parametrize("arguments, message", [
    (["nowhere", "--data", "digits"], "nowhere: no such run folder or file of weights"),
    (["RUN", "--data", "nowhere"], "evaluate: --data is 'nowhere', expected a folder"),
    (["RUN", "--data", "digits", "--crops", "12"], "--crops: invalid choice: 12"),
    (["RUN", "--data", "digits", "--top", "0"], "--top: expected an integer of at least 1, got '0'"),
    (["RUN"], "nothing to test on: pass --data with the name of a data set or a folder of images (see --help)"),
    (["PHOTO"], "photo.jpg: an image, expected the folder of a run or a file of weights; to classify it: python -m"),
    (["curves", "nowhere"], "nowhere: no metrics.jsonl, expected the folder of a run"),
    (["curves"], "the following arguments are required: RUN"),
])  # fmt: skip
def test_wrong_flags_and_missing_files_get_one_clear_line(runs, arguments, message):
    (runs[0].parent / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF")
    names = {"RUN": runs[0], "PHOTO": runs[0].parent / "photo.jpg"}
    done = evaluate(*(str(names.get(argument, argument)) for argument in arguments))
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and message in done.stderr, done.stderr


def changed(run, path, **changes):
    """The saved model of `run` with changes to its Info, written to `path`."""
    weights, info = saved_model.load(run / "last.safetensors")
    saved_model.save(path, weights, info._replace(**changes))
    return path


@pytest.mark.parametrize("changes, message", [
    ({"classes": tuple("abcdefghij")}, "its classes are a, b"),
    ({"input_size": (8, 8, 3), "mean": (1.0,) * 3, "std": (1.0,) * 3}, "3 channels"),
    ({"arguments": {"num_classes": 11, "in_channels": 1}}, "do not fit the network"),
    ({"model": "vgg"}, "do not fit the network"),
    ({"arguments": {"colour": 3}}, "do not fit the network"),
    ({"std": (0.0,)}, "expected a finite number for each of 1 channels"),
])  # fmt: skip
def test_a_model_that_does_not_fit_is_named(runs, tmp_path, changes, message):
    done = evaluate(changed(runs[0], tmp_path / "other.safetensors", **changes), "--data", "digits")
    assert done.returncode == 2 and "other.safetensors" in done.stderr and message in done.stderr, done.stderr


def test_averaged_weights_are_used_first(tmp_path):
    mg.train.fit(mg.train.Config(model="tiny", epochs=1, workers=0, average=0.9, output=tmp_path / "run"))
    assert mg.load(tmp_path / "run").path.name == "averaged.safetensors"
    p = probabilities(mg.load(tmp_path / "run"), digits()[1], 1)
    assert (p.argmax(axis=1) == digits()[1].labels).mean() == pytest.approx(epochs_of(tmp_path / "run")[-1]["averaged_test_accuracy"])
