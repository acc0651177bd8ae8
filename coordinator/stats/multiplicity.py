"""Corrections of p-values for many tests."""

from __future__ import annotations

import math
from collections.abc import Sequence


def adjust(p_values: Sequence[float], method: str) -> tuple[float, ...]:
    """Adjusted p-values, in the order given: compare them with the unadjusted alpha.

    ``fdr_bh``: Benjamini & Hochberg 1995, false discovery rate under independence or positive dependence.
    ``bonferroni`` and ``holm`` (Holm 1979): chance of any false alarm, under any dependence. ``none``: as
    they are. NaN stays NaN and does not count as a test. The definitions of R's ``p.adjust``.

    Args:
        p_values: p-values, 0 to 1 or NaN; may be empty.
        method: ``fdr_bh``, ``bonferroni``, ``holm`` or ``none``.

    Raises:
        ValueError: the method is another.

    >>> adjust([0.01, 0.04, float("nan")], "holm")
    (0.02, 0.04, nan)
    """
    if method not in {"fdr_bh", "bonferroni", "holm", "none"}:
        raise ValueError(f"found the correction {method!r}, expected fdr_bh, bonferroni, holm or none")
    order = sorted((i for i, p in enumerate(p_values) if not math.isnan(p)), key=p_values.__getitem__)
    m = len(order)
    result = [float(p) for p in p_values]
    if method == "bonferroni":
        for i in order:
            result[i] = min(1.0, m * p_values[i])
    elif method == "holm":
        running = 0.0
        for rank, i in enumerate(order):
            running = max(running, min(1.0, (m - rank) * p_values[i]))
            result[i] = running
    elif method == "fdr_bh":
        running = 1.0
        for rank, i in reversed(list(enumerate(order, start=1))):
            running = min(running, p_values[i] * m / rank)
            result[i] = running
    return tuple(result)
