"""Figures that are measured, not asserted."""
