"""A release gate for a canary deploy and A/B experiments that run at the same time.

>>> from coordinator import load_config, run_gate
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coordinator.gate import run_gate
    from coordinator.loader import load_config

__version__ = "0.1.0"
__all__ = ["__version__", "load_config", "run_gate"]


def __getattr__(name: str) -> Any:
    """The public functions, imported on first use: ``import coordinator`` stays cheap."""
    if name == "load_config":
        from coordinator.loader import load_config  # noqa: PLC0415 - lazy on purpose

        return load_config
    if name == "run_gate":
        from coordinator.gate import run_gate  # noqa: PLC0415 - lazy on purpose

        return run_gate
    raise AttributeError(f"module 'coordinator' has no attribute {name!r}")
