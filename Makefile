# Everything a newcomer, a developer and CI need. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help setup run test check lint format bench fault screenshots lock

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1|/' | while IFS='|' read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

setup: ## make .venv and install everything; does nothing when nothing changed
	@scripts/setup.sh

run: setup ## start Greenroom with the demo project at http://127.0.0.1:8700
	@.venv/bin/greenroom demo

test: setup ## run all tests, with a real PostgreSQL
	@scripts/test.sh

check: setup ## format, lint, types and import contracts, without changing a file
	@scripts/check.sh

lint: setup ## ruff alone, with what it can mend mended
	@.venv/bin/ruff check --fix .

format: setup ## format every file
	@.venv/bin/ruff format .

bench: ## measure against peers and limits, and print the tables
	@scripts/setup.sh bench
	@.venv/bin/python -m tests.bench

fault: setup ## the long profile of fault and property tests, and of the story of parallel work
	@GREENROOM_PROFILE=long scripts/test.sh tests/fault tests/property tests/contract/parallel/test_cli_story.py

screenshots: setup ## write pictures of every page into screenshots/, and those of the guides
	@scripts/chromium.sh
	@.venv/bin/python -m tests.browser.screenshots
	@.venv/bin/python -m tests.browser.guide_pictures

lock: setup ## rewrite both lock files from pyproject.toml
	@scripts/lock.sh
