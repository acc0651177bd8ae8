"""Five small releases, each showing one verdict; ``python -m examples.releases.make NAME DIRECTORY`` writes one."""
