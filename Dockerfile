# The base is an argument, so that a mirror or a digest can be given: --build-arg BASE=python:3.13-slim-bookworm@sha256:…
ARG BASE=python:3.13-slim-bookworm

# ---- stage 1: the wheel, and an environment that holds it and its locked dependencies
FROM ${BASE} AS build
WORKDIR /build

COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python3 -m venv tools \
 && tools/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement requirements/build.txt \
 && python3 -m venv --without-pip /opt/cloudsvc \
 && tools/bin/pip --python /opt/cloudsvc/bin/python install --no-cache-dir --no-deps --require-hashes \
      --requirement requirements/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY cloudsvc cloudsvc
COPY twisted twisted
# twistd --help makes Twisted write its plugin cache, while there is someone who may. Layers keep times in whole seconds, and
# the cache counts only while it is younger than every plugin: hence the second in between.
RUN PATH="/build/tools/bin:$PATH" uv build --wheel --no-build-isolation --offline --python tools/bin/python --out-dir dist \
 && tools/bin/pip --python /opt/cloudsvc/bin/python install --no-cache-dir --no-deps --no-index dist/*.whl \
 && sleep 1 && /opt/cloudsvc/bin/twistd --help > /dev/null

# ---- stage 2: what runs
FROM ${BASE}
LABEL org.opencontainers.image.title="cloudsvc" \
      org.opencontainers.image.description="Your own cloud in one twistd command" \
      org.opencontainers.image.licenses="MIT"

# One directory holds all state (configuration, token, certificate, logs, data), and a volume belongs over it: files are
# replaced by renaming, which a single mounted file does not allow. The other holds the public certificate for its readers.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /srv/cloudsvc --shell /usr/sbin/nologin cloudsvc \
 && install --directory --owner cloudsvc --group cloudsvc --mode 0700 /srv/cloudsvc \
 && install --directory --owner cloudsvc --group cloudsvc --mode 0700 /srv/cloudsvc/data \
 && install --directory --owner cloudsvc --group cloudsvc --mode 0755 /srv/cloudsvc-public
COPY --from=build /opt/cloudsvc /opt/cloudsvc
COPY deploy/container/start /usr/local/bin/cloudsvc-start

ENV PATH=/opt/cloudsvc/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CLOUDSVC_HOME=/srv/cloudsvc
USER 10001:10001
WORKDIR /srv/cloudsvc
VOLUME ["/srv/cloudsvc", "/srv/cloudsvc-public"]
EXPOSE 443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 CMD ["cloudsvc", "health"]
ENTRYPOINT ["cloudsvc-start"]
CMD ["twistd", "--nodaemon", "--pidfile=", "cloudsvc"]
