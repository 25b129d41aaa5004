"""README's "Your own images", tried as a new user would: a folder of forty good images, and the commands as they stand."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.images import draw
from helpers.inprocess import invoke
from helpers.repo import REPO
from PIL import Image

ORT = "needs the export extra"


def commands(page: str, heading: str) -> list[list[str]]:
    """The commands of a section's bash blocks, as words, without the comments behind them."""
    section = (REPO / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def execute(command: list[str], places: dict[str, Path], *more: str) -> None:
    """Run a command of a page, its placeholders filled in."""
    pattern = re.compile(rf"\b({'|'.join(places)})\b")
    words = [pattern.sub(lambda m: str(places[m.group()]), word) for word in command]
    assert words[0] == "python"
    if words[1] == "-m":
        words[1:3] = [words[2].replace(".", "/") + "/__main__.py"]
    done = invoke(*words[1:], *more)
    assert done.code == 0, (command, done.err)


def scores_of(model: Path, images: list[Path]) -> tuple[np.ndarray, float]:
    """Scores by onnxruntime and the threshold, with nothing but what the file itself says."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    about = json.loads(session.get_modelmeta().custom_metadata_map["adshift"])
    size = about["input"]["shape"][2]
    found = []
    for path in images:
        image = Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
        tensor = (np.asarray(image, np.float32) / 255).transpose(2, 0, 1)[None]
        found.append(session.run(["score"], {"image": tensor})[0][0])
    return np.array(found), about["threshold"]


def three_commands(places: dict[str, Path], *more: str) -> list[dict[str, str]]:
    """Run README's first three commands, check what they leave, and return the predictions' rows."""
    train, predict, export = commands("README.md", "Your own images")[:3]
    execute(train, places, *more)
    execute(predict, places)
    execute(export, places)
    gallery = (places["FOUND"] / "index.html").read_text()
    rows = list(csv.DictReader((places["FOUND"] / "predictions.csv").open()))
    assert gallery.count('<li class="card">') == len(rows) > 0
    assert all((places["FOUND"] / row["overlay"]).is_file() for row in rows)
    found, threshold = scores_of(places["LINE"] / "model.onnx", [Path(row["path"]) for row in rows])
    assert np.allclose(found, [float(row["score"]) for row in rows], rtol=1e-4)
    assert threshold == float(rows[0]["threshold"])
    return rows


def named(tmp_path: Path) -> dict[str, Path]:
    places = ("PHOTOS", "NEW", "RUN", "FOUND", "LINE", "STRESS", "LAMP", "REPAIRED", "FEW", "ADVICE", "CAMERA")
    return {name: tmp_path / name.lower() for name in places}


@pytest.mark.slow
def test_forty_drawn_images_lead_to_a_gallery_a_file_for_the_line_and_a_stress_test(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason=ORT)
    places = named(tmp_path)
    for i in range(40):
        draw(places["PHOTOS"] / f"{i:03}.png", i)
    for i in range(6):
        draw(places["NEW"] / f"{i:03}.png", 100 + i, defect=i % 2 == 1)
    rows = three_commands(places, "image_size=96")
    assert [row["decision"] for row in rows][1::2] == ["1", "1", "1"]
    *_, stress, watch = commands("README.md", "Your own images")
    execute(stress, places, "severities=[1]", "components=[all]", "bootstrap=100")
    assert "pasted" in (places["STRESS"] / "index.html").read_text()
    shutil.copytree(places["NEW"], places["CAMERA"])
    execute(watch, places, "once=true", f"hydra.run.dir={tmp_path / 'watch'}")
    watched = csv.DictReader((tmp_path / "watch" / "predictions.csv").open())
    assert [row["decision"] for row in watched] == [row["decision"] for row in rows]
    assert "Is this part bad?" in (tmp_path / "watch" / "index.html").read_text()


@pytest.mark.slow
def test_every_command_of_the_page_runs(tmp_path: Path) -> None:
    places = named(tmp_path)
    for i in range(12):
        draw(places["PHOTOS"] / f"{i:03}.png", i)
        draw(places["LAMP"] / f"{i:03}.png", 100 + i)
    draw(places["NEW"] / "000.png", 200)
    (train, *_), page = commands("README.md", "Your own images"), []
    for heading in (
        "What the folder may hold",
        "Photographs of the new lamp",
        "Advice on the new lamp",
        "The stress test",
    ):
        page += commands("docs/own-images.md", heading)
    assert len(page) == 9
    execute(train, places, "image_size=64", "metrics.latency=false")
    for i, command in enumerate(page):
        own = (
            [] if any(word.startswith("hydra.run.dir=") for word in command) else [f"hydra.run.dir={tmp_path / str(i)}"]
        )
        if "adshift.advise" in command:
            execute(command, places, "bootstrap=100", "repairs=[none,threshold]")
        elif "ADVICE/repaired" in " ".join(command):
            assert (places["ADVICE"] / "advise.json").is_file()  # tests/advise predicts with a repaired run
        elif "adshift.stress" in command:
            execute(command, places, "bootstrap=100", "folds=2", *own)
        elif command[1] in ("evaluate.py", "predict.py"):
            execute(command, places, *own)
        else:
            words = [word.replace("PHOTOS", str(places["PHOTOS"])) for word in command]
            done = invoke("adshift/data/check/__main__.py", *words[3:])
            assert done.code == 0, done.out


@pytest.mark.slow
@pytest.mark.real
def test_forty_real_images_of_transistors(shared: Path, resnet18: str, tmp_path: Path) -> None:
    """As issue 7 asks: from forty good photographs to the gallery and the file, with ImageNet's weights."""
    pytest.importorskip("onnxruntime", reason=ORT)
    places, source = named(tmp_path), shared / "data" / "mvtec_reduced" / "transistor"
    for folder, images in (("PHOTOS", sorted((source / "train" / "good").iterdir())[:40]),
                           ("NEW", sorted((source / "test").glob("*/*.png")))):  # fmt: skip
        places[folder].mkdir()
        for path in images:
            shutil.copy(path, places[folder] / f"{path.parent.name}_{path.name}")
    rows = three_commands(places, "backbone=resnet18", f"backbone.weights={resnet18}")
    decided = {kind: [row["decision"] == "1" for row in rows if (Path(row["path"]).name[:4] == "good") == kind] for kind in
               (True, False)}  # fmt: skip
    assert np.mean(decided[True]) < np.mean(decided[False])
