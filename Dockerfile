# By tag, not by digest: a digest is only worth what checked it, and none was at hand without a
# registry. Before production, replace it by what `docker buildx imagetools inspect
# python:3.11-slim-bookworm` names.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    AIRFLOW_HOME=/var/lib/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/rapport/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION=False \
    RAPPORT_HOME=/var/lib/rapport \
    RAPPORT_EXPORTS=/exports

RUN useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin rapport \
    && install --directory --owner=rapport --group=rapport --mode=0700 \
        /var/lib/airflow /var/lib/rapport

WORKDIR /opt/rapport

# Wheels only, each by its hash: nothing is built here, so nothing is fetched behind the lock's back.
COPY requirements/installer.txt requirements/runtime.txt requirements/
RUN pip install --no-cache-dir --no-compile --only-binary :all: --require-hashes \
        --requirement requirements/installer.txt \
    && pip install --no-cache-dir --only-binary :all: --require-hashes \
        --requirement requirements/runtime.txt

# Owned by root and read only for the user below: what runs cannot change what will run.
COPY pyproject.toml README.md ./
COPY dags dags
COPY dbt_project dbt_project
COPY estimation estimation
COPY expectations expectations
COPY ingestion ingestion
COPY publishing publishing
COPY rapport rapport
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

# User rapport, by number, so that an orchestrator can see that it is not root.
USER 10001:10001
CMD ["rapport", "--help"]
