"""Every option composes and builds, every key of the command line exists, and nothing foreign is ever called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.repo import REPO
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf

from adshift.config.build import build, checked, plain, target_of
from adshift.config.model import model_plan
from adshift.config.plan import make_plan, require_calibratable
from adshift.data.mvtec import CATEGORIES
from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.features.backbone import FrozenBackbone
from adshift.methods.padim import PaDiM
from adshift.methods.patchcore import PatchCore
from adshift.shift.domain import Domain

CONF = REPO / "conf"
GROUPS = sorted(p.name for p in CONF.iterdir() if p.is_dir())


@pytest.fixture(autouse=True)
def conf() -> Iterator[None]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def train_config(*overrides: str) -> DictConfig:
    return compose("train", list(overrides))


def planned(*overrides: str) -> Any:
    return make_plan(plain(train_config(*overrides)), Domain())


def options(group: str) -> list[str]:
    return sorted(p.stem for p in (CONF / group).glob("*.yaml") if not p.name.startswith("_"))


def test_the_groups_are_those_of_the_design() -> None:
    assert options("method") == ["padim", "patchcore"]
    assert set(options("domain")) == {
        *("clean", "shift", "geometric", "photometric", "illumination", "lighting"),
        *("brightness", "contrast", "defocus_blur", "gaussian_noise", "photos", "named"),
    }
    assert options("adaptation") == [
        "few",
        "few_chosen",
        "full",
        "none",
        "normalise",
        "normalise_robust",
        "robust",
        "robust_few",
        "test_time",
        "threshold",
    ]
    assert options("threshold") == ["conformal", "evt", "f1", "quantile", "sigma"]
    assert options("split") == ["official", "standard", "study"]
    assert options("backbone") == ["resnet18", "resnet50", "small", "timm", "wide_resnet50_2"]
    assert set(options("data")) >= {*CATEGORIES, "unified", "folder", "synthetic"}


@pytest.mark.parametrize(("group", "option"), [(g, o) for g in GROUPS for o in options(g) if g not in ("data",)])
def test_every_option_composes_and_plans(group: str, option: str) -> None:
    needs = {"photos": ["domain.root=LAMP"], "named": ["domain.name=shift_1"]}.get(option, [])
    needs += ["data=mvtec_ad_2", "data.category=can"] if option in ("named", "lighting") else []
    config = plain(train_config(f"{group}={option}", *needs))
    plan = make_plan(config, Domain())
    if group == "domain":
        assert (
            plan.recipe.test.name
            == config["domain"]["name"]
            == {"lighting": "all", "named": "shift_1"}.get(option, option)
        )
    if group == "threshold":
        assert plan.calibrator.kind == option
    if group == "adaptation":
        assert plan.regime.name == option
    if group == "backbone":
        assert config["backbone"].get("architecture", "timm") == option
        own = {"small": "builtin", "timm": "pretrained"}
        assert config["backbone"]["weights"] == own.get(option, "imagenet")
    if group == "method":
        assert config["method"]["name"] == option


@pytest.mark.parametrize("category", CATEGORIES)
def test_each_category_of_mvtec_is_a_configuration(category: str) -> None:
    plan = planned(f"data={category}")
    assert (plan.source, plan.root, plan.categories) == ("mvtec", Path("data/mvtec"), (category,))


def test_the_other_data_configurations() -> None:
    assert planned("data=unified").categories == ("hazelnut", "carpet", "zipper")
    assert planned("data=unified", "data.categories=[nut,screw]").categories == ("nut", "screw")
    folder = planned("data=folder", "data.root=pictures", "data.category=bolt")
    assert (folder.source, folder.root, folder.categories) == ("folder", Path("pictures"), ("bolt",))
    assert planned("data=synthetic").source == "synthetic"
    assert planned("data=synthetic", "data.category=nut").categories == ("nut",)
    assert planned("data=unified_synthetic").categories == ("weave", "nut", "rack")
    for source, category in (("visa", "candle"), ("btad", "01"), ("mpdd", "tubes"), ("mvtec_ad_2", "can"),
                             ("mvtec_loco", "pushpins")):  # fmt: skip
        plan = planned(f"data={source}", f"data.category={category}")
        assert (plan.source, plan.root, plan.categories) == (source, Path("data", source), (category,))
    with pytest.raises(AdshiftError, match=r"data\.category has no value"):
        plain(train_config("data=folder", "data.name=x", "data.categories=[x]"))


def test_the_defaults_are_those_of_the_design() -> None:
    config = plain(train_config())
    plan = make_plan(config, Domain())
    assert (config["method"]["name"], config["data"]["name"], config["backbone"]["architecture"]) == (
        "patchcore", "weave", "resnet50",
    )  # fmt: skip
    assert config["coreset_ratio"] == config["method"]["coreset_ratio"] == 0.05
    assert (plan.seed, plan.image_size, plan.scope, plan.resolution) == (0, 224, "category", "input")
    assert (plan.recipe.test.name, plan.recipe.test.severity, plan.recipe.test.seed) == ("clean", 1.0, 0)
    assert (plan.regime.name, plan.calibrator.kind, type(plan.splitter).__name__) == ("none", "f1", "StudySplit")
    assert config["trainer"] == {"accelerator": "auto", "devices": "auto"}
    assert OmegaConf.select(train_config("data=carpet"), "data.root") == "data/mvtec"


@pytest.mark.parametrize("split", ["study", "standard", "official"])
def test_the_default_rule_goes_with_the_split(split: str) -> None:
    """f1 needs defects among the calibration images, which the study's split alone lends; a rule that is named stands."""
    assert planned(f"split={split}").calibrator.kind == ("f1" if split == "study" else "conformal")
    assert planned(f"split={split}", "threshold=sigma").calibrator.kind == "sigma"
    assert planned("threshold=f1", f"split={split}").calibrator.kind == "f1"
    assert planned(f"split={split}", "sweep=regimes").calibrator.kind == ("f1" if split == "study" else "conformal")
    assert compose("evaluate", ["run=x", f"split={split}"]).get("threshold") is None
    assert compose("evaluate", ["run=x", f"split={split}", "threshold=evt"]).threshold.tail == 0.2


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("coreset_ratio=0.25", "method.coreset_ratio", 0.25), ("seed=3", "method.seed", 3),
        ("image_size=64", "image_size", 64),
        ("domain.severity=0.5", "domain.severity", 0.5), ("domain.seed=4", "domain.seed", 4),
        ("threshold.scope=global", "threshold.scope", "global"), ("backbone.weights=random", "backbone.weights", "random"),
        ("trainer.accelerator=cpu", "trainer.accelerator", "cpu"), ("trainer.devices=1", "trainer.devices", 1),
        ("metrics.resolution=original", "metrics.resolution", "original"), ("save_maps=true", "save_maps", True),
        ("crossfit=5", "crossfit", 5), ("data.root=elsewhere", "data.root", "elsewhere"),
    ],
)  # fmt: skip
def test_every_key_of_the_command_line_exists(override: str, path: str, value: object) -> None:
    assert OmegaConf.select(train_config(override), path) == value


@pytest.mark.parametrize(
    "overrides",
    [["method=padim", "coreset_ratio=0.1"], ["ratio=1"], ["threshold=f1", "threshold.alpha=0.1"], ["data.x=1"]],
)
def test_a_key_that_nobody_owns_is_refused(overrides: list[str]) -> None:
    with pytest.raises(ConfigCompositionException, match="Could not override"):
        train_config(*overrides)


def test_evaluate_leaves_to_the_run_what_is_not_said() -> None:
    quiet = compose("evaluate", ["run=x"])
    assert not {"domain", "threshold", "split"} & set(quiet)
    said = compose(
        "evaluate", ["run=x", "domain=shift", "threshold=quantile", "split=standard", "adaptation=threshold"]
    )
    assert (said.domain.name, said.threshold.alpha) == ("shift", 0.05)
    with pytest.raises(AdshiftError, match="run has no value; give it on the command line: run=VALUE"):
        plain(compose("evaluate"))


@pytest.mark.parametrize(("method", "kind"), [("patchcore", PatchCore), ("padim", PaDiM)])
@pytest.mark.parametrize("architecture", ["small", "resnet18", "resnet50", "wide_resnet50_2"])
def test_methods_build_on_every_backbone(method: str, kind: type, architecture: str) -> None:
    chosen = plain(train_config(f"method={method}", f"backbone={architecture}", "backbone.weights=random", "seed=4"))
    built = model_plan(chosen).built()
    assert isinstance(built, kind)
    backbone = built.backbone
    assert isinstance(backbone, FrozenBackbone)
    assert list(backbone.layers) == chosen["method"]["layers"]


def test_values_reach_the_method() -> None:
    chosen = plain(
        train_config("coreset_ratio=0.5", "method.neighbours=4", "method.smoothing=2", "seed=9", "backbone=resnet18")
    )
    method = model_plan(chosen).built("random")
    assert (method.coreset_ratio, method.neighbours, method.smoothing, method.seed) == (0.5, 4, 2.0, 9)


@pytest.mark.parametrize(
    "target",
    [
        "os.system", "builtins.eval", "subprocess.run", "torch.load", "adshift", "adshift.", "adshift.os.system",
        "adshift.data.mvtec.shutil", "adshift.data.mvtec.download", "adshift.data.mvtec.Path",
        "adshift.system.atomic.os.system",
        "adshift.no.such.Class", "adshift.errors.NoSuchClass", "adshift.config.plan.build", 3, None, ["adshift.x"],
    ],
)  # fmt: skip
def test_foreign_targets_are_refused(target: object) -> None:
    with pytest.raises(AdshiftError, match=r"^domain\._target_=.*; choose an option of conf/domain/$"):
        target_of({"_target_": target}, "domain")


def test_a_foreign_target_is_not_even_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AdshiftError, match="none of adshift's own classes"):
        build({"_target_": "trap.Class"}, "method")


def test_build_checks_names_and_types() -> None:
    node = {"_target_": "adshift.shift.domain.Domain", "name": "x", "severity": 1}
    domain = build(node, "domain")
    assert (domain.severity, type(domain.severity)) == (1.0, float)
    with pytest.raises(AdshiftError, match=r"domain\.force is no key of domain; it takes: name, geometric"):
        build(node | {"force": 1}, "domain")
    for wrong in (
        {"severity": "much"},
        {"severity": None},
        {"severity": True},
        {"geometric": 1},
        {"seed": 0.5},
        {"name": 3},
    ):
        with pytest.raises(AdshiftError, match=rf"domain\.{next(iter(wrong))}=.* must be "):
            build(node | wrong, "domain")


@pytest.mark.parametrize(
    ("value", "kind", "ok"),
    [
        (1, int, True), (1.0, int, False), (True, int, False), ("1", int, False), (1, float, True), (1.5, float, True),
        (True, float, False), ("1", float, False), (True, bool, True), (1, bool, False), ("a", str, True),
        (None, str, False), (10**15, int, True), (10**15 + 1, int, False), (10**400, float, False), (-1e16, float, False),
        (float("inf"), float, False), (float("nan"), float, False),
    ],
)  # fmt: skip
def test_checked(value: Any, kind: type, ok: bool) -> None:
    if ok:
        found = checked("key", value, kind)
        assert (found, type(found)) == (value, kind)
    else:
        with pytest.raises(AdshiftError, match=rf"key={re.escape(str(value))} must be "):
            checked("key", value, kind)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("image_size=8", "image_size=8 must be >= 32"), ("data.batch_size=0", r"data\.batch_size=0 must be >= 1"),
        ("data.num_workers=-1", r"data\.num_workers=-1 must be >= 0"),
        ("metrics.bootstrap=-1", "bootstrap=-1 must be >= 0"),
        ("seed=-1", r"seed=-1 must be in \[0, 2\^32\)"), ("crossfit=1", "crossfit=1 must be >= 2"),
        ("store.limit_gb=inf", r"store\.limit_gb=inf must be a number within \+-1e\+15"),
        ("store.limit_gb=1e10", r"store\.limit_gb=10000000000\.0 must be > 0 and <= 1e\+09"),
        ("metrics.resolution=foo", "resolution=foo must be one of: input, original"),
        ("threshold.scope=foo", "scope=foo must be one of: category, global"),
        ("domain.severity=-1", r"severity=-1\.0 must be a number from 0 to 100"),
        ("split.train_fraction=1.0", "train_fraction=1.0"),
        ("data.categories=nut", r"data\.categories=nut must be a list"),
        ("save_maps=maybe", "save_maps=maybe must be true"),
        ("metrics.latency=1", r"metrics\.latency=1 must be true or false"), ("data.root=null", r"data\.root=None must be"),
    ],
)  # fmt: skip
def test_the_plan_checks_every_bound(override: str, message: str) -> None:
    with pytest.raises(AdshiftError, match=message):
        planned(override)


def test_regimes_give_each_role_its_domain() -> None:
    def names(regime: str) -> tuple[str, str, str]:
        recipe = planned("domain=shift", f"adaptation={regime}").recipe
        (train,), (calibration,) = recipe.train, recipe.calibration
        return train.name, calibration.name, recipe.test.name

    assert names("none") == ("clean", "clean", "shift")
    assert names("threshold") == ("clean", "shift", "shift")
    assert names("full") == ("shift", "shift", "shift")


def test_a_calibration_that_would_fail_later_is_refused_at_once() -> None:
    normal, anomaly = Sample("a/x.png", "a", "good"), Sample("a/y.png", "a", "cut")
    node = ["data=folder", "data.root=r", "data.category=a"]
    require_calibratable(planned(*node), ())
    require_calibratable(planned(*node), (normal, anomaly))
    require_calibratable(planned(*node, "threshold=sigma"), (normal, Sample("a/z.png", "a", "good")))
    with pytest.raises(AdshiftError, match="threshold=sigma needs 2 normal calibration images"):
        require_calibratable(planned(*node, "threshold=sigma"), (normal,))
    with pytest.raises(
        AdshiftError, match="threshold=f1 needs anomalous calibration images, and a has 0 of them among 1"
    ):
        require_calibratable(planned(*node), (normal,))
    with pytest.raises(AdshiftError, match="leaves a 0 normal calibration images"):
        require_calibratable(planned(*node), (anomaly,))
    both = ["data=unified", "data.categories=[a,b]"]
    other = Sample("b/x.png", "b", "good")
    with pytest.raises(AdshiftError, match=r"threshold=f1 needs .* and b has 0"):
        require_calibratable(planned(*both), (normal, anomaly, other))
    require_calibratable(planned(*both, "threshold.scope=global"), (normal, anomaly, other))
