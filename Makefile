# The few commands of the project. Needs Python 3.11 or newer; uv is used where it is there, plain pip where it is not.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-embedded test-services test-browser lint types lock clean

PORT ?= 8000
PYTEST ?=
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
BIN := .venv/bin
RUNTIME := .venv/stamp-runtime
DEV := .venv/stamp-dev

help: ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
