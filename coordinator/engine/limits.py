"""How much memory and how many threads the engine may take: what the container has, not what the host has."""

from __future__ import annotations

import os
from pathlib import Path

_SHARE = 0.6  # of memory: the rest is for Python, the file cache and the neighbours
_UNLIMITED = 1 << 60
_CGROUP_MEMORY = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_bytes(root: Path = Path("/")) -> int:
    """Memory that may be used: 60 % of the smallest of the container's limit and the machine's memory.

    Args:
        root: where the system's files are, for tests.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in _CGROUP_MEMORY:
        found = _number(root / name)
        if found is not None and found < _UNLIMITED:
            limits.append(found)
    return int(min(limits) * _SHARE)


def cpu_count(root: Path = Path("/")) -> int:
    """Threads that may be used: the smallest of the container's quota and the cores this process may run on.

    Args:
        root: where the system's files are, for tests.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(root)
    return max(1, min(cores, quota)) if quota else max(1, cores)


def _quota(root: Path) -> int | None:
    try:
        allowed, period = (root / "sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return None if allowed == "max" else max(1, round(int(allowed) / int(period)))
    except (OSError, ValueError):
        allowed_us = _number(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us")
        period_us = _number(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us")
        return max(1, round(allowed_us / period_us)) if allowed_us and period_us and allowed_us > 0 else None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
