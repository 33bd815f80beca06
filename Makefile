# Every target sets up what it needs: Python >= 3.11 and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOME_FOLDER ?= data
EXPORTS ?= $(HOME_FOLDER)/exports

.PHONY: setup run test lint bench up down test-scheduler test-realdata test-score test-identity test-kill test-invariants test-forecasts test-concepts test-semantic-layer docs lock clean

setup: $(VENV)/.development

$(BIN)/uv:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Rapport needs Python 3.11, 3.12 or 3.13; this is ' + sys.version + '. Say make PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/installer.txt

$(VENV)/.runtime: $(BIN)/uv requirements/runtime.txt pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/runtime.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.development: $(VENV)/.runtime requirements/development.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/development.txt
	touch $@

run: $(VENV)/.runtime
	test -e $(EXPORTS)/rapport.yml || $(BIN)/rapport simulate $(EXPORTS)
	$(BIN)/rapport run --home $(HOME_FOLDER) --exports $(EXPORTS)

test: $(VENV)/.development
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint dbt_project/models dbt_project/tests
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

bench: $(VENV)/.development
	$(BIN)/python -m benchmarks

up: $(VENV)/.runtime
	$(BIN)/python -m rapport.airflow_server up --home $(HOME_FOLDER) --exports $(EXPORTS)

down: $(VENV)/.runtime
	$(BIN)/python -m rapport.airflow_server down --home $(HOME_FOLDER)

test-scheduler: $(VENV)/.development
	$(BIN)/pytest tests/scheduler -m scheduler

test-realdata: $(VENV)/.development
	$(BIN)/pytest tests/realdata -m "realdata"

test-score: $(VENV)/.development
	$(BIN)/pytest tests/realdata/test_score_on_cdnow.py tests/realdata/test_starbucks.py -m realdata

test-identity: $(VENV)/.development
	$(BIN)/pytest tests/end_to_end/test_identity_truth.py -m slow

test-kill: $(VENV)/.development
	$(BIN)/pytest tests/publishing tests/dags tests/end_to_end/test_invariants.py -m slow

test-invariants: $(VENV)/.development
	RAPPORT_EXAMPLES=200 $(BIN)/pytest tests/ingestion/test_raw_tables.py tests/ingestion/test_conservation.py tests/rapport/test_identities.py
	$(BIN)/pytest tests/end_to_end/test_nights_equal_rebuild.py tests/end_to_end/test_small_shops.py tests/end_to_end/test_moved_installation.py -m slow

test-forecasts: $(VENV)/.development
	$(BIN)/pytest tests/benchmarks -m slow

test-concepts: $(VENV)/.development
	$(BIN)/pytest tests/dbt_project/test_intervals.py tests/end_to_end/test_concepts.py -m slow

$(VENV)/semantic_layer/.installed: $(BIN)/uv requirements/semantic_layer.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/semantic_layer
	$(BIN)/uv pip install --quiet --python $(VENV)/semantic_layer/bin/python --require-hashes -r requirements/semantic_layer.txt
	touch $@

test-semantic-layer: $(VENV)/.development $(VENV)/semantic_layer/.installed
	$(BIN)/pytest tests/end_to_end/test_semantic_layer.py -m slow

docs: $(VENV)/.development
	$(BIN)/python -m rapport.mapping_reference

lock: $(BIN)/uv
	for group in installer runtime development benchmark_peers semantic_layer; do \
		$(BIN)/uv pip compile requirements/$$group.in --quiet --generate-hashes --universal --python-version 3.11 \
			--no-emit-index-url --no-header --output-file requirements/$$group.txt; \
	done

clean:
	rm -rf $(VENV) data
