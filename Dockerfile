# The server. The builder installs what is locked; the image gets the result and no build tools.
FROM python:3.13-slim AS builder

# Every file must have a hash of the lock, which names all of them, and none may be a source that runs code to
# be installed.
COPY requirements-server.txt /build/
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --no-deps --only-binary :all: --require-hashes --requirement /build/requirements-server.txt

# Our own packages are pure Python and are copied as they are: a wheel would need a build backend, with
# hashes of its own, to arrive at the same files.
WORKDIR /app
COPY LICENSE ./
COPY generated/globeco ./globeco
COPY optimizer ./optimizer
COPY ordergen_server ./ordergen_server
RUN python -m compileall -q /app


FROM python:3.13-slim

# With this address the server starts only where it has TLS, or is told that ORDERGEN_INSECURE is meant.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORDERGEN_HOST=0.0.0.0
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app
WORKDIR /app
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# The API, health alone for probes, and metrics.
EXPOSE 8088 8089 9090
ENTRYPOINT ["python", "-m", "ordergen_server"]
