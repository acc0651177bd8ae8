# Two stages: one installs the locked packages into /opt/venv, the other carries only that and the program.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
COPY requirements/runtime.txt /tmp/runtime.txt
# Tests of packages, headers and the installer itself are of no use in the image; bytecode is made once, here.
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --no-cache-dir --no-compile --no-deps --require-hashes \
        --disable-pip-version-check --requirement /tmp/runtime.txt \
    && /opt/venv/bin/python -m pip uninstall --yes --quiet setuptools pip \
    && site="$(echo /opt/venv/lib/python3*/site-packages)" \
    && find "$site" -depth -type d \( -name tests -o -name test \) -exec rm -rf {} + \
    && find "$site" \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.h' -o -name '*.a' \) -delete \
    && find /opt/venv -depth -type d -name __pycache__ -exec rm -rf {} + \
    && rm -rf /opt/venv/include /opt/venv/share
WORKDIR /app
COPY entrypoint.py LICENSE ./
COPY coordinator ./coordinator
RUN find /app -depth -type d -name __pycache__ -exec rm -rf {} + \
    && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib /app

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="canary-experiment-coordinator" \
      org.opencontainers.image.source="https://github.com/OWNER/REPO" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
# Root, as GitHub asks of container actions: the workspace and the command files belong to the runner's user.
# What the program writes there it gives to the workspace's owner.
# hadolint ignore=DL3002
USER 0
ENTRYPOINT ["/opt/venv/bin/python", "/app/entrypoint.py"]
