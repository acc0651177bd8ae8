"""The run's event, and GitHub's REST API."""
