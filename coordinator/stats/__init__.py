"""Tests, intervals and power on sufficient statistics: numbers in, numbers out."""
