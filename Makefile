# The few commands of the project. Needs Python 3.11 or newer; uses uv where it is there, plain pip where it is not.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# What was compiled once is kept: the suite starts many processes, and each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help run gateway test test-again test-embedded test-browser test-services test-faults bench faults fuzz soak lint types format messages pictures lock clean

PORT ?= 8000
JOBS ?= 2
BROWSERS ?= 3
ARGS ?=
# The system's own first: it is built for speed, which one built at home seldom is.
PYTHON ?= $(shell for name in /usr/bin/python3 python3.11 python3.12 python3.13 python3; do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
TEST := .venv/.test-installed
DEV := .venv/.dev-installed
HERE := not browser and not faults
MADE_UP := tests/hostile tests/api/test_nasty_bodies.py tests/api/test_cases.py tests/money/test_any_order.py \
	tests/goods/test_exposure.py tests/goods/test_tracking.py tests/admin/test_query_counts.py
EMBEDDED := env -u DATABASE_URL -u REDIS_URL
PYTEST := $(BIN)/python -m pytest -q
# The lists are whole, so nothing is to be worked out; what is to be compiled is, on all processors.
install = { command -v uv >/dev/null && uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r $(1); } || \
	{ $(BIN)/python -m pip install --quiet --require-hashes --no-deps --no-compile -r $(1) && \
	{ $(BIN)/python -m compileall -qq -j 0 .venv/lib || true; }; }

help: ## what there is
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 22

run: $(RUNTIME) ## the whole desk with its demo shop on this machine, at http://127.0.0.1:8000 (PORT changes it)
	@$(BIN)/python manage.py start --demo --port $(PORT)

gateway: $(RUNTIME) ## beside `make run`: a local marketplace with the demo shop connected to it, to try payments
	@$(BIN)/python manage.py gateway

test: ## the suite but what takes its time, each test once: embedded, in a browser, on PostgreSQL and Redis, quick faults
	@$(MAKE) --no-print-directory test-embedded ARGS="-m 'not engine and $(HERE) and not slow' $(ARGS)"
	@$(MAKE) --no-print-directory test-browser ARGS="-m 'browser and not slow' $(ARGS)"
	@$(MAKE) --no-print-directory test-services ARGS="-m '(engine or faults) and not browser and not slow' $(ARGS)"

test-again: ## the rest: what takes its time, each test on the other engine too, and more made-up input
	@FUZZ=40 $(MAKE) --no-print-directory test-embedded ARGS="$(MADE_UP) -m 'not slow and $(HERE)' $(ARGS)"
	@FUZZ=40 $(MAKE) --no-print-directory test-embedded ARGS="-m '(engine or slow) and $(HERE)' $(ARGS)"
	@$(MAKE) --no-print-directory test-browser ARGS="-m 'browser and slow' $(ARGS)"
	@FUZZ=40 $(MAKE) --no-print-directory test-services ARGS="-m '((services and not engine) or (engine and slow)) and $(HERE)' $(ARGS)"

test-embedded: $(TEST) ## the suite on SQLite and the file broker (ARGS="-k words" for some of it)
	$(EMBEDDED) $(PYTEST) -n $(JOBS) $(ARGS)

test-services: $(TEST) ## all of it that a database, a cache or a broker has a say in, on a throw-away PostgreSQL and Redis
	$(BIN)/python -m tests.services -- $(PYTEST) -n $(JOBS) -m 'services and not browser and not faults' $(ARGS)

test-browser: $(TEST) ## what people do, in a real Chromium
	@if $(BIN)/python -m tests.chromium; then \
		$(EMBEDDED) DJANGO_ALLOW_ASYNC_UNSAFE=true $(PYTEST) tests/browser -m browser -n $(BROWSERS) $(ARGS); \
	elif [ -n "$$CI" ]; then \
		echo "No Chromium on this machine, so the browser tests cannot run."; exit 1; \
	else \
		printf '\n%s\n' '*** LEFT OUT: the browser tests. There is no Chromium on this machine;' \
			'*** Debian has it as: apt-get install chromium-headless-shell fonts-wqy-microhei'; echo; \
	fi

test-faults: $(TEST) ## the faults that are quick to make; make faults makes them all
	$(EMBEDDED) $(PYTEST) tests/faults -m 'faults and not slow' -n $(JOBS) $(ARGS)

bench: $(TEST) ## the benchmarks on a throw-away PostgreSQL and Redis, as docs/performance.md keeps them
	$(BIN)/python -m tests.services -- $(BIN)/python -m benchmarks.parcel_events $(ARGS)
	$(BIN)/python -m tests.services -- $(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m tests.services -- $(BIN)/python -m benchmarks.idle
	$(BIN)/python -m tests.services -- $(BIN)/python -m benchmarks.lateness
	$(BIN)/python -m tests.services -- $(BIN)/python -m benchmarks.intake
	$(BIN)/python -m tests.services -- $(BIN)/python -m benchmarks.approval
	$(BIN)/python -m tests.services -- $(BIN)/python -m benchmarks.pages
	$(BIN)/python -m tests.services -- $(BIN)/python -m benchmarks.queue

faults: $(TEST) ## what breaks: workers killed, services restarted, mails refused; each with its count, on real processes
	$(EMBEDDED) $(PYTEST) tests/faults -m faults $(ARGS)

soak: $(TEST) ## an hour of 11.11 in a minute on two web processes and two workers, and the books afterwards
	$(EMBEDDED) $(BIN)/python -m benchmarks.soak $(ARGS)

fuzz: $(TEST) ## input made to do harm, for as long as FUZZ says (examples a test)
	$(EMBEDDED) FUZZ=$${FUZZ:-2000} $(PYTEST) tests/hostile tests/api/test_nasty_bodies.py $(ARGS)

lint: $(DEV) ## style, format and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(DEV) ## the type check
	$(BIN)/mypy

format: $(DEV) ## put the code in the house's form
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

messages: $(RUNTIME) ## gather the words of the screens into the catalogue, and compile it (needs gettext)
	$(BIN)/python manage.py makemessages --locale zh_Hans
	$(BIN)/python manage.py compilemessages --ignore '.venv'

pictures: $(TEST) ## photograph the screens of the demo shop anew for the guides, in both languages (needs Chromium)
	$(EMBEDDED) $(BIN)/python -m tests.pictures $(ARGS)

lock: ## pin what the .in files ask for (needs uv)
	for list in requirements requirements-test requirements-dev; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" $$list.in -o $$list.txt || exit; \
	done

clean: ## take away what can be made again (the desk's data in var/ stays)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || command -v uv >/dev/null || { \
		echo "Python 3.11 or newer with its venv module is needed (Debian: apt-get install python3-venv)."; exit 1; }
	@{ [ -n "$(PYTHON)" ] && $(PYTHON) -m venv .venv; } || uv venv --quiet --clear --seed --python '>=3.11' .venv

$(RUNTIME): requirements.txt | $(BIN)/python
	@echo "Installing what the desk runs on ..."
	@$(call install,requirements.txt)
	@touch $@

$(TEST) $(DEV): .venv/.%-installed: requirements-%.txt | $(BIN)/python
	@echo "Installing what it is $(if $(filter dev,$*),built,tested) with ..."
	@$(call install,$<)
	@touch $@
