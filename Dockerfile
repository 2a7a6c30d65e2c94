# The lookup server in a container: docker build -t lookup-server .
# All state is in one volume, /var/lib/lookup. Settings are environment variables;
# a secret may be in a file that NAME_FILE names: docs/howto/deploy.rst.

FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /srv/lookup \
 && /srv/lookup/bin/pip install --no-cache-dir ".[all]"

FROM python:3.13-slim
COPY --from=build /srv/lookup /srv/lookup
COPY deploy/gunicorn.conf.py /etc/lookup/gunicorn.conf.py
RUN useradd --system --uid 10001 --home-dir /var/lib/lookup lookup \
 && install --directory --owner=lookup --group=lookup --mode=0700 /var/lib/lookup
ENV PATH=/srv/lookup/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    DTOOL_LOOKUP_SERVER_HOME=/var/lib/lookup \
    BIND=0.0.0.0:5000
USER 10001
WORKDIR /var/lib/lookup
VOLUME /var/lib/lookup
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:5000/config/health', timeout=8)"]
CMD ["sh", "-c", "dtool-lookup-server init && exec gunicorn --config /etc/lookup/gunicorn.conf.py"]
