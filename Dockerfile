# syntax=docker/dockerfile:1
# Exact, hashed versions go into an environment of their own, which the image that runs copies as it is.
FROM python:3.13-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
RUN python -m venv /opt/haltbot
# The versions first: this layer is built again only when one of them changes.
COPY requirements.lock ./
RUN /opt/haltbot/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE manifest.yml ./
COPY bot bot
COPY handlers handlers
RUN /opt/haltbot/bin/pip install --no-deps --no-build-isolation . \
    && /opt/haltbot/bin/python -m compileall -q /opt/haltbot

FROM python:3.13-slim-bookworm

LABEL org.opencontainers.image.title="Haltbot" \
      org.opencontainers.image.description="Stop a runaway Bitrix24 workflow from Slack" \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --system --gid 10001 haltbot \
    && useradd --system --uid 10001 --gid haltbot --no-create-home --shell /usr/sbin/nologin haltbot \
    && install --directory --owner=haltbot --group=haltbot --mode=0700 /data
COPY --from=build /opt/haltbot /opt/haltbot
ENV PATH=/opt/haltbot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATABASE_URL=sqlite:////data/haltbot.db \
    HALTBOT_HOST=0.0.0.0 \
    HALTBOT_PORT=3000
USER 10001:10001
WORKDIR /data
# The only place that is written to; the root file system may be read-only.
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"HALTBOT_PORT\"]}/healthz', timeout=2)"]
ENTRYPOINT ["haltbot"]
CMD ["run"]
