# syntax=docker/dockerfile:1
# Builds the connector from its lock. Two stages, so that compilers and caches stay behind.

FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/connector
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY connector ./connector
# The lock constrains both what is installed and what it is built with; tests' tools stay out.
ENV PIP_CONSTRAINT=/src/requirements.lock PIP_DISABLE_PIP_VERSION_CHECK=1
RUN /opt/connector/bin/pip install --no-cache-dir ".[rfc,postgres,s3,otel]"

FROM python:3.12-slim
# SAP's NW RFC SDK may not be passed on, so it is not part of the image. A site that uses the rfc
# transport mounts it here, or copies it in a Dockerfile of its own that begins FROM this image:
#   docker run -v /opt/nwrfcsdk:/usr/local/sap/nwrfcsdk:ro ...
# The soap transport needs none.
ENV SAPNWRFC_HOME=/usr/local/sap/nwrfcsdk \
    LD_LIBRARY_PATH=/usr/local/sap/nwrfcsdk/lib \
    PATH=/opt/connector/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CONNECTOR_CONFIG=/etc/connector/config/connector.yaml \
    CONNECTOR_MAPPINGS=/etc/connector/mappings \
    CONNECTOR_OUTPUT=/var/lib/connector/out \
    CONNECTOR_DATABASE_URL=sqlite:////var/lib/connector/connector.db \
    CONNECTOR_HEALTH_ADDRESS=0.0.0.0
RUN useradd --system --uid 10001 --home-dir /var/lib/connector --create-home connector
COPY --from=build /opt/connector /opt/connector
COPY mappings /etc/connector/mappings
COPY config /etc/connector/config
USER connector
WORKDIR /var/lib/connector
VOLUME /var/lib/connector
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
# SIGTERM lets the tick under way finish.
STOPSIGNAL SIGTERM
CMD ["connector", "run"]
