"""Tables as LaTeX (booktabs), every name escaped."""

from __future__ import annotations

from adshift.report.tables import Table

SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "−": "$-$", "–": "--", "±": r"$\pm$", "×": r"$\times$", "≥": r"$\ge$",
    "≤": r"$\le$", "→": r"$\to$",
}  # fmt: skip
"""What LaTeX would read as a command, and the report's own signs."""
COLUMNS = 5
"""As many as a line of text holds with their intervals."""


def escape(text: str) -> str:
    """Text that LaTeX sets as it stands; a line break becomes a space."""
    return " ".join("".join(SIGNS.get(sign, sign) for sign in text).split())


def _cell(text: str) -> str:
    """A cell: an interval after its figure is set smaller; brackets are braced, for a row must not begin with one."""
    value, bracket, rest = text.partition(" [")
    return escape(value) + (rf" {{\scriptsize[{escape(rest)}}}" if bracket else "") if not text.startswith("[") else (
        f"{{{escape(text)}}}"
    )  # fmt: skip


def _line(cells: tuple[str, ...]) -> str:
    return " & ".join(map(_cell, cells)) + r" \\"


def latex(table: Table) -> str:
    """A table environment; the document needs booktabs and graphicx, for a table of many columns is scaled to the line."""
    columns = "l" * table.heads + "r" * (len(table.header) - table.heads)
    wide = len(table.header) > COLUMNS
    label = "".join(c if c.isalnum() else "-" for c in table.name)
    return "\n".join(
        [
            r"% needs \usepackage{booktabs,graphicx}",
            r"\begin{table}[tb]",
            r"\centering\small",
            rf"\caption{{{escape(table.caption)}}}",
            rf"\label{{tab:{label}}}",
            *([r"\resizebox{\linewidth}{!}{%"] if wide else []),
            rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
            r"\toprule",
            _line(table.header),
            r"\midrule",
            *map(_line, table.rows),
            r"\bottomrule",
            r"\end{tabular}" + ("}" if wide else ""),
            r"\end{table}",
            "",
        ]
    )
