# `make` lists the verbs. The work is done by small programs; this file only names them.
PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup demo test check deb test-box bench-box manual bench bench-masking bench-retention bench-advice bench-panel screenshots demo-call lock clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install what demo and test need: system packages, .venv
	@packaging/setup.sh

demo: setup ## one synthetic Danish call through the whole appliance, live (about a minute)
	@$(PYTHON) -m tavs demo

test: setup ## the whole test suite
	@$(PYTHON) -m pytest -q

check: setup ## format, lint, types, import contracts
	@.venv/bin/ruff format --check daemon tests packaging
	@.venv/bin/ruff check daemon tests packaging models/advice
	@.venv/bin/mypy
	@.venv/bin/lint-imports

deb: ## the Debian packages: build/tavs_VERSION_amd64.deb and build/tavs-models_VERSION_all.deb (some minutes)
	@packaging/build.sh

test-box: setup deb ## the packages in a machine of their own: install, call, crash, upgrade, end (root; about 10 minutes)
	@$(PYTHON) -m pytest -q tests/package
	@TAVS_BOX_PACKAGES=build $(PYTHON) -m pytest -q tests/box

bench-box: setup deb ## sizes, start, idle, restart of the installed packages (root; about 4 minutes)
	@TAVS_BOX_PACKAGES=build $(PYTHON) tests/bench/box.py

manual: setup ## write the manual pages and the completion anew
	@$(PYTHON) packaging/man.py
	@$(PYTHON) packaging/completion.py

bench: setup ## speed and size beside their targets (about 15 minutes; JSON on stdout)
	@$(PYTHON) tests/bench/appliance.py

bench-masking: ## masking on invented calls, beside Presidio (about 15 minutes)
	@packaging/setup.sh bench
	@PYTHONPATH=tests/masking .venv-bench/bin/python tests/bench/masking.py

bench-retention: setup ## sweep at a million artifacts, crashes, years of a site (about 25 minutes; --only PART by hand)
	@$(PYTHON) tests/bench/retention.py

bench-advice: setup ## the ranker beside plain FTS5 and rank-bm25, quality and speed (about 2 minutes)
	@$(PYTHON) tests/bench/advice.py tests/advice/queries.jsonl tests/advice/unseen/other-queries.jsonl=tests/advice/unseen/terms tests/advice/unseen/more-queries.jsonl=tests/advice/unseen/more-terms tests/advice/unseen/queries.jsonl

bench-panel: setup ## 200 browsers on one desk, and a real one (about 5 minutes)
	@$(PYTHON) tests/bench/panel.py
	@$(PYTHON) tests/bench/panel_dom.py

screenshots: setup ## the agents' page in every state, into build/screenshots
	@$(PYTHON) tests/browser/screenshots.py

demo-call: ## make the sound of the demo call again (needs espeak-ng)
	@$(PYTHON) -m tavs.demo.synthesise

lock: ## write the lock files anew (needs pip-tools in the path)
	@cd packaging && for part in requirements requirements-dev requirements-bench requirements-llama; do \
	  pip-compile -q --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links \
	    --output-file $$part.lock $$part.in; done

clean: ## remove what setup and the tools made
	@rm -rf build .venv .venv-bench .venv-llama .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis daemon/*.egg-info
