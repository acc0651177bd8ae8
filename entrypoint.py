"""The container's first process: the action."""

from coordinator.gate import main_action

raise SystemExit(main_action())
