"""What was run: settings, where the runs come from, what they warned of."""

from __future__ import annotations

from collections import Counter

from adshift.report.document import Section
from adshift.report.study import Study
from adshift.report.tables import NONE, Row, Table, at, ratio_text

WARNINGS = 40


def section(study: Study) -> Section:
    """The grid as run, the provenance, the warnings; and what limits every figure of the report."""
    tables = [_grid(study), _provenance(study)]
    warned = _warnings(study)
    if warned.rows:
        tables.append(warned)
    findings = (
        "Intervals and tests resample the test images: they speak of other images of this kind, not of other fits.",
        "Where an interval contains 0 no difference is claimed; that is not a proof of equality.",
        "Intervals and plain p stand each for itself: of twenty differences that are none, one is shown by chance. That "
        "even one of a table's p (Holm) lies below 0.05 by chance has a probability of at most 5 % (Holm, Scandinavian "
        "Journal of Statistics 1979).",
        "Where so many comparisons were made that no p (Holm) could fall below 0.05, the table's caption says so; more "
        "resamples (metrics.bootstrap) mend that.",
    )
    lead = "The cells that this report is made of, and what holds for all its figures."
    return Section("runs", "What was run", lead, findings, tuple(tables))


def random_weights(study: Study) -> bool:
    """Whether any run's backbone was never trained."""
    return any(at(c.run.result, "provenance", "weights") == "random" for c in study.cells)


def _grid(study: Study) -> Table:
    names = ("detector", "coreset", "condition", "severity", "domain_seed", "seed", "threshold", "scope")
    cells: dict[tuple[object, ...], list[str]] = {}
    for c in study.cells:
        model = f"unified ({', '.join(c.categories)})" if c.unified else c.categories[0]
        cells.setdefault(tuple(getattr(c, name) for name in names), []).append(model)
    rows: list[Row] = []
    for (detector, coreset, condition, severity, domain_seed, seed, threshold, scope), models in cells.items():
        assert coreset is None or isinstance(coreset, float)
        shift = (f"{severity:g}", str(domain_seed)) if condition != "clean" else (NONE, NONE)
        rows.append((str(detector), ratio_text(coreset), str(condition), *shift, str(seed), str(threshold), str(scope),
                     ", ".join(models)))  # fmt: skip
    header = ("detector", "coreset", "condition", "severity", "domain seed", "seed", "threshold", "scope", "categories")
    return Table("runs", f"{len(study.cells)} runs by their settings.", header, tuple(rows), len(header))


def _provenance(study: Study) -> Table:
    keys = (("code", ("git_commit",)), ("device", ("device",)), ("weights", ("weights",)),
            ("sha256 of the weights", ("weights_sha256",)), ("python", ("packages", "python")),
            ("torch", ("packages", "torch")), ("adshift", ("packages", "adshift")))  # fmt: skip
    rows: list[Row] = []
    for title, path in keys:
        found = Counter(str(at(c.run.result, "provenance", *path)) for c in study.cells)
        rows += [(title, value.rsplit("/", 1)[-1], str(n)) for value, n in found.most_common() if value != "None"]
    return Table("provenance", "Where the figures come from.", ("what", "value", "runs"), tuple(rows), 2)


def _warnings(study: Study) -> Table:
    found = Counter(str(w) for c in study.cells for w in c.run.result["warnings"])
    rows = tuple((text, str(n)) for text, n in found.most_common(WARNINGS))
    more = f" The {WARNINGS} most frequent of {len(found)}." if len(found) > WARNINGS else ""
    return Table("warnings", f"What the runs warned of.{more}", ("warning", "runs"), rows, 1)
