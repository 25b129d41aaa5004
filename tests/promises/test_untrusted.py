"""Files from strangers run no code and write nowhere: checkpoints, run folders, archives, images.

Every trap here is a real one: sprung, it leaves a file behind, and each kind is shown to spring where it should.
"""

from __future__ import annotations

import json
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import Finished, invoke, one_line, run_cell
from helpers.runs import make_run

from adshift.config.build import build
from adshift.errors import AdshiftError
from adshift.report.__main__ import main as report_main
from adshift.results.arrays import MAX_MAPS_BYTES, read_arrays
from adshift.system.hashes import file_sha256


class Trap:
    """Unpickling it creates a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.trace), "w"))


def test_the_trap_is_a_real_one(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung"))).close()
    assert (tmp_path / "sprung").exists()


# Checkpoints


def fit(method: str, root: Path, folder: Path) -> Path:
    common = [o for o in tiny_overrides(root) if method == "patchcore" or "coreset" not in o]
    run_cell(folder, *common, f"method={method}", "image_size=32", "metrics.bootstrap=0", "store=off")
    return folder


@pytest.fixture(scope="module")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished PatchCore run."""
    return fit("patchcore", tiny, tmp_path_factory.mktemp("finished") / "run")


@pytest.fixture(scope="module", params=["patchcore", "padim"])
def fitted(
    request: pytest.FixtureRequest, finished: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a finished run of either method."""
    if request.param == "patchcore":
        return finished
    return fit("padim", tiny, tmp_path_factory.mktemp("fitted") / "run")


def rewrite(run: Path, change: Callable[[dict[str, Any]], object], recorded: bool = True) -> None:
    """Change a checkpoint; with ``recorded`` result.json vouches for it all the same."""
    path = run / "model.ckpt"
    content = torch.load(path, weights_only=False)
    change(content)
    torch.save(content, path)
    _vouch(run) if recorded else None


def _vouch(run: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    result["provenance"]["checkpoint_sha256"] = file_sha256(run / "model.ckpt")
    (run / "result.json").write_text(json.dumps(result))


def evaluated(run: Path, out: Path) -> Finished:
    done = invoke("evaluate.py", f"run={run}", "store=off", f"hydra.run.dir={out}")
    assert not (out / "result.json").exists()
    assert done.code == 2, done.err
    return done


def _bank(state: dict[str, torch.Tensor]) -> str:
    return "method.bank_MD" if "method.bank_MD" in state else "method.model.gaussian.mean"


def _compressed(run: Path) -> None:
    """The same archive, deflated, with a member that unpacks to a gigabyte."""
    path = run / "model.ckpt"
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in members.items():
            new.writestr(name, content)
    _vouch(run)


def _plain_pickle(run: Path, trace: Path) -> None:
    (run / "model.ckpt").write_bytes(pickle.dumps({"state_dict": {"trap": Trap(trace)}}))
    _vouch(run)


def _bank_as(make: Callable[[torch.Tensor], Any]) -> Callable[[dict[str, Any], Path], object]:
    """Replace the fitted tensor."""
    return lambda c, _: c["state_dict"].update({_bank(c["state_dict"]): make(c["state_dict"][_bank(c["state_dict"])])})


CHECKPOINTS: dict[str, tuple[Callable[[dict[str, Any], Path], object], str]] = {
    "a trap beside the tensors": (lambda c, trace: c.update(trap=Trap(trace)), "or holds more than tensors)"),
    "a trap among the tensors": (lambda c, trace: c["state_dict"].update(trap=Trap(trace)), "more than tensors)"),
    "a trap as a hook": (lambda c, trace: c.update(callbacks={"x": Trap(trace)}), "more than tensors)"),
    "no state_dict": (lambda c, _: c.pop("state_dict"), "cannot be loaded ('state_dict')"),
    "a list": (lambda c, _: c.update(state_dict=[1, 2]), "cannot be loaded"),
    "a number for a tensor": (_bank_as(lambda _: 3), "holds more than named tensors"),
    "a tensor too few": (lambda c, _: c["state_dict"].pop(_bank(c["state_dict"])), "it lacks "),
    "a tensor too many": (lambda c, _: c["state_dict"].update({"method.x": torch.zeros(1)}), "it has the unknown x"),
    "another type": (_bank_as(lambda t: t.half()), "is torch.float16 torch.strided, not torch.float32"),
    "sparse": (_bank_as(lambda t: t.to_sparse()), "torch.sparse_coo"),
    "NaN": (_bank_as(lambda t: t.fill_(torch.nan)), "holds NaN or infinite"),
    "a view of any size": (_bank_as(lambda _: torch.zeros(1, 1).expand(10**9, 10**3)), "is not stored whole"),
    "empty": (_bank_as(lambda _: torch.empty(0, 7)), "has shape (0, 7), not ["),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_crafted_checkpoint_is_refused_unrun(fitted: Path, tmp_path: Path, name: str) -> None:
    change, says = CHECKPOINTS[name]
    shutil.copytree(fitted, tmp_path / "run")
    rewrite(tmp_path / "run", lambda content: change(content, tmp_path / "sprung"))
    line = one_line(evaluated(tmp_path / "run", tmp_path / "out").err)
    assert f"{tmp_path}/run/model.ckpt " in line
    assert says in line
    assert line.endswith("fit the run again with train.py")
    assert not (tmp_path / "sprung").exists()


def test_other_containers_are_refused_unrun(fitted: Path, tmp_path: Path) -> None:
    for craft in (lambda run: _plain_pickle(run, tmp_path / "sprung"), _compressed):
        shutil.copytree(fitted, tmp_path / "run")
        craft(tmp_path / "run")
        line = one_line(evaluated(tmp_path / "run", tmp_path / "out").err)
        assert "model.ckpt cannot be loaded (" in line
        assert not (tmp_path / "sprung").exists()
        shutil.rmtree(tmp_path / "run")


def test_a_checkpoint_that_the_result_does_not_know_is_refused(fitted: Path, tmp_path: Path) -> None:
    """Half a copy, a newer fit, or a swapped model: its figures would be reported under the run's name."""
    shutil.copytree(fitted, tmp_path / "run")
    recorded = json.loads((fitted / "result.json").read_text())["provenance"]["checkpoint_sha256"]
    assert recorded == file_sha256(fitted / "model.ckpt")
    rewrite(tmp_path / "run", lambda content: content.update(epoch=7), recorded=False)
    assert "is not the file that the run's result.json was written with" in one_line(
        evaluated(tmp_path / "run", tmp_path / "out").err
    )


def _indices(content: dict[str, Any]) -> torch.Tensor:
    state = content["state_dict"]
    found: torch.Tensor = state.get("method.bank_image_M", state.get("method.model.idx"))
    return found


@pytest.mark.parametrize("place", [-1, 10**9])
def test_indices_that_lead_out_are_refused_or_unused(fitted: Path, tmp_path: Path, place: int) -> None:
    shutil.copytree(fitted, tmp_path / "run")
    rewrite(tmp_path / "run", lambda content: _indices(content)[0].fill_(place))
    patchcore = "coreset_ratio" in json.loads((fitted / "result.json").read_text())["config"]
    if (
        patchcore and place > 0
    ):  # where a bank's vectors come from is told of several categories alone; none is read here
        done = invoke("evaluate.py", f"run={tmp_path / 'run'}", "store=off", f"hydra.run.dir={tmp_path / 'out'}")
        assert done.code == 0, done.err
        return
    line = one_line(evaluated(tmp_path / "run", tmp_path / "out").err)
    assert "places below 0" in line or "must name different channels in [0, " in line


# Run folders


@pytest.fixture
def trap_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module on the path that leaves a trace when it is imported, and whose class leaves one when it is called."""
    (tmp_path / "snare").mkdir()
    (tmp_path / "snare" / "trapdoor.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'sprung')!r}).touch()\n"
        "class Class:\n    def __init__(self, **_):\n        Path('x').touch()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "snare"))
    yield tmp_path / "sprung"  # type: ignore[misc]
    sys.modules.pop("trapdoor", None)


TARGETS = ["trapdoor.Class", "os.system", "builtins.exec", "adshift.../trapdoor.Class", "adshift.launch.cli.launch",
           "adshift.data.synthetic.main", "adshift.methods.patchcore.nn.Module", 7, None]  # fmt: skip
GROUPS = ["adaptation", "backbone", "domain", "method", "split", "threshold"]


@pytest.mark.parametrize("group", GROUPS)
def test_a_class_that_a_run_names_is_not_even_imported(
    finished: Path, tmp_path: Path, trap_module: Path, group: str
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    path = tmp_path / "run" / "result.json"
    result = json.loads(path.read_text())
    result["config"][group]["_target_"] = "trapdoor.Class"
    path.write_text(json.dumps(result))
    line = one_line(evaluated(tmp_path / "run", tmp_path / "out").err)
    assert (
        f"{group}._target_=trapdoor.Class is none of adshift's own classes; choose an option of conf/{group}/" in line
    )
    assert report_main([str(tmp_path / "run"), "--out", str(tmp_path / "report")]) == 0
    for target in TARGETS:
        with pytest.raises(AdshiftError, match=rf"^{group}\._target_=.*; choose an option of conf/{group}/$"):
            build({"_target_": target}, group)
    assert "trapdoor" not in sys.modules
    assert not trap_module.exists()
    __import__("trapdoor")
    assert trap_module.exists()


@pytest.mark.parametrize("category", ["../../outside", "/etc", "..", "a/b", "", "macro", "a\nb"])
def test_a_category_cannot_lead_out(finished: Path, tmp_path: Path, category: str) -> None:
    """It is part of the paths that are read, and of the names of the pictures that are written."""
    shutil.copytree(finished, tmp_path / "run")
    path = tmp_path / "run" / "result.json"
    result = json.loads(path.read_text())
    result["config"]["data"]["categories"] = [category]
    path.write_text(json.dumps(result))
    assert "category=" in one_line(evaluated(tmp_path / "run", tmp_path / "out").err)


def test_any_value_of_a_config_may_be_nonsense(finished: Path, tmp_path: Path) -> None:
    """Each part of the stored configuration in turn removed or replaced: one line, or the evaluation stands."""
    shutil.copytree(finished, tmp_path / "run")
    path = tmp_path / "run" / "result.json"
    whole = json.loads(path.read_text())
    for key in ("data", "metrics", "method", "backbone", "domain", "split", "threshold", "adaptation", "image_size", "seed",
                "crossfit", "trainer"):  # fmt: skip
        for value in (None, "text", {"x": [1]}):
            broken = {**whole, "config": {**whole["config"], key: value}}
            path.write_text(json.dumps(broken))
            done = invoke("evaluate.py", f"run={tmp_path / 'run'}", "store=off", f"hydra.run.dir={tmp_path / 'out'}")
            if done.code != 0:
                assert done.code == 2, (key, value)
                assert one_line(done.err), (key, value)


JSONS = {
    "deep": ("[" * 100_000 + "]" * 100_000, "cannot be read (maximum recursion"),
    "not a number": ('{"schema": 1, "config": {}, "metrics": {"x": NaN}}', "NaN is no number that adshift writes"),
    "infinite": ('{"schema": 1, "config": {"x": Infinity}}', "Infinity is no number"),
    "bytes": ("\udcff\udcfe", "cannot be read ('utf-8' codec"),
    "python": ("__import__('os').system('true')", "cannot be read (Expecting value"),
}


@pytest.mark.parametrize("name", JSONS)
def test_a_result_that_is_no_json_is_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, says = JSONS[name]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "result.json").write_bytes(text.encode(errors="surrogateescape"))
    assert says in one_line(evaluated(tmp_path / "run", tmp_path / "out").err)
    assert report_main([str(tmp_path / "run"), "--out", str(tmp_path / "report")]) == 2
    assert says in capsys.readouterr().err


def test_arrays_with_pickles_inside_are_refused_unrun(tiny: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tiny, save_maps=True)
    for name in ("maps.npz", "replicates.npz"):
        with np.load(run / name) as stored:
            names = stored.files
        np.savez(run / name, **{n: np.array([Trap(tmp_path / "sprung")], dtype=object) for n in names})
        with pytest.raises(AdshiftError, match="Object arrays cannot be loaded when allow_pickle=False"):
            read_arrays(run / name, "see to it", set(names), MAX_MAPS_BYTES)
    assert report_main([str(run), "--out", str(tmp_path / "report")]) == 0
    assert not (tmp_path / "sprung").exists()
    with np.load(run / "replicates.npz", allow_pickle=True) as stored:
        stored[names[0]][0].close()  # the trap is a real one
    assert (tmp_path / "sprung").exists()


class Markup(HTMLParser):
    """What a page would run: the tags that occur, event attributes, script texts and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.found: set[str] = set()
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        self.found |= {f"<{tag}>"} | {f"{tag} {name}" for name, _ in attrs if name.startswith("on")}
        self.found |= {f"{name}={value[:11]}" for name, value in attrs if value and "script:" in value.lower()}
        self.scripts += [str(dict(attrs).get("type"))] if self._script else []


EVIL = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "</script><b>",
        "javascript:alert(1)", "{{7*7}}${7*7}", "'; alert(1);//"]  # fmt: skip


def test_names_stay_text_in_the_report(tiny: Path, tmp_path: Path) -> None:
    """Category, defect, method, domain and warning of a run are markup: the page has no tag that a plain page lacks."""
    plain, evil = Markup(), Markup()
    make_run(tmp_path / "plain", tiny, save_maps=True)
    assert report_main([str(tmp_path / "plain"), "--out", str(tmp_path / "a")]) == 0
    plain.feed((tmp_path / "a" / "index.html").read_text())
    for i, name in enumerate(EVIL):
        run = make_run(tmp_path / "evil" / str(i), tiny, save_maps=True)
        for file in ("result.json", "scores.csv"):
            text = (run / file).read_text()
            quoted = json.dumps(name)[1:-1] if file == "result.json" else name.replace('"', '""')
            for word in ("plate", "blot", "resnet18", "random"):
                text = text.replace(word, quoted)
            (run / file).write_text(text)
        result = json.loads((run / "result.json").read_text())
        result["config"]["domain"]["name"] = result["config"]["method"]["name"] = name
        result["warnings"] = [name]
        (run / "result.json").write_text(json.dumps(result))
    assert report_main([str(tmp_path / "evil"), "--out", str(tmp_path / "b"), "--title", EVIL[0]]) == 0
    page = (tmp_path / "b" / "index.html").read_text()
    evil.feed(page)
    assert "alert(1)" in page  # the names are shown
    assert evil.found <= plain.found
    assert len(evil.scripts) <= len(plain.scripts)


def test_pictures_stay_in_the_run(tmp_path: Path) -> None:
    """A category called like a path would have named a file outside it."""
    draw_category(tmp_path / "images", "plate", seed=5)
    done = invoke(
        "train.py",
        *tiny_overrides(tmp_path / "images", "../images/plate"),
        "save_maps=true",
        f"hydra.run.dir={tmp_path / 'run'}",
    )
    assert done.code == 2
    assert "category='../images/plate' must be the name of one folder, without a path" in one_line(done.err)
