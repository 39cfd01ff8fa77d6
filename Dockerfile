# One image for every command of the service: what follows its name is the module to run. Without a word it is the
# server; docs/operations.md lists the others. Targets: production (the default), sandbox, development, test.

# The digest is that of the index of all platforms, amd64 and arm64 among them.
FROM python:3.13-slim@sha256:9662417aace5ae7b8e2609cce472b72a8958e134ba372808abe9cc1a0c0125e6 AS python


# What all targets have in common. Nothing is installed in it once it is made, so it needs no pip.
FROM python AS base
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
    && rm -r "$(python -c 'import ensurepip; print(ensurepip.__path__[0])')"
# With these addresses server and REST front start only where they have TLS, or are told that ORDERGEN_INSECURE,
# ORDERGEN_REST_INSECURE, is meant.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORDERGEN_HOST=0.0.0.0 \
    ORDERGEN_REST_HOST=0.0.0.0
WORKDIR /app
# The API, health alone for probes, metrics, and the REST front.
EXPOSE 8088 8089 9090 8080
ENTRYPOINT ["python", "-m"]


# What is locked is installed by stages that have build tools; the images get the result, and our code beside it.
FROM python AS dependencies
# Every file must have a hash of the lock, which names all of them, and none may be a source that runs code to
# be installed. Files of bytecode say by themselves that they are current, whatever the times of files become.
COPY requirements-server.txt /build/
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
        --no-deps --only-binary :all: --require-hashes --requirement /build/requirements-server.txt \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/venv


FROM dependencies AS sandbox-dependencies
COPY requirements-sandbox.txt /build/
RUN python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
        --no-deps --only-binary :all: --require-hashes --requirement /build/requirements-sandbox.txt \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/venv


FROM sandbox-dependencies AS development-dependencies
COPY requirements.txt /build/
RUN python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
        --no-deps --only-binary :all: --require-hashes --requirement /build/requirements.txt
# The code is where it will be mounted: this notes the path, and installs the command `ordergen`.
COPY LICENSE README.md pyproject.toml /app/
COPY ordergen_client/pyproject.toml /app/ordergen_client/
COPY tools/client_wheel.py /app/tools/
RUN python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --no-deps --no-build-isolation --editable /app --editable /app/ordergen_client


# Its dependencies do not go together with ours.
FROM python AS checkov
COPY requirements-checkov.txt /build/
RUN python -m venv --without-pip /opt/checkov \
    && python -m pip --python /opt/checkov/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
        --no-deps --only-binary :all: --require-hashes --requirement /build/requirements-checkov.txt


# Our own packages are pure Python and are copied as they are: a wheel would need a build backend, with
# hashes of its own, to arrive at the same files.
FROM python AS code
WORKDIR /app
COPY LICENSE ./
COPY generated/globeco ./globeco
COPY allocation ./allocation
COPY optimizer ./optimizer
COPY ordergen_client ./ordergen_client
COPY ordergen_server ./ordergen_server
RUN python -m compileall -q --invalidation-mode unchecked-hash /app


# Everything that a developer has; the code comes by a mount on /app, as compose.yaml has it.
FROM base AS development
COPY --from=development-dependencies /opt/venv /opt/venv
ENV PYTHONPATH=/app:/app/generated \
    HOME=/tmp
USER 10001:10001
CMD ["watchfiles", "--filter", "python", "python -m ordergen_server", "."]


# The whole tree, and what `make test` needs beside Python.
FROM development AS test
USER 0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=10001 --group=10001 /app /app/.build \
    && ln -s /opt/checkov /app/.build/checkov
COPY --from=checkov /opt/checkov /opt/checkov
COPY --chown=10001:10001 . ./
USER 10001:10001
# What is locked is installed as it is, whatever the times of files say.
ENTRYPOINT ["make", "VENV=/opt/venv", "--old-file=/opt/venv/.installed", "--old-file=.build/checkov/.installed"]
CMD ["test"]


# The simulated siblings and the embedded database, beside all that production has. SecantusDB, the database, is
# licensed by the GPL 2 and started as a program of its own.
FROM base AS sandbox
COPY --from=sandbox-dependencies /opt/venv /opt/venv
COPY --from=code /app /app
# The database asks for the home of its user, who has none.
ENV HOME=/tmp
USER 10001:10001
CMD ["ordergen_server.sandbox", "--host", "0.0.0.0", "--rest-port", "8080"]


FROM base AS production
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=code /app /app
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# Alive, not ready: who replaces containers that are unwell should not do so because the database is away.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-m", "ordergen_server.health", "--alive"]
CMD ["ordergen_server"]
