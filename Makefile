# A machine with Python 3.11, pip and make needs nothing else. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
# uv fails where it cannot cache: a user of a service or of cron may have no home folder.
NO_CACHE = $(shell test -w "$$HOME" || echo --no-cache)

# Where Python may not keep what it has compiled, every command compiles all its libraries anew: seconds each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test faults lint lock picture dictionary assumptions rule-cases name-variants accuracy accuracy-of-scenarios calibration clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(STAMP) ## make .venv from the locked, hash-checked requirements

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "uv>=0.8"
	$(BIN)/uv pip install --quiet $(NO_CACHE) --require-hashes --python $(BIN)/python --requirement requirements.lock
	$(BIN)/uv pip install --quiet $(NO_CACHE) --python $(BIN)/python --no-deps --editable .
	@touch $(STAMP)

demo: setup ## simulate a country, run the whole chain on it, score it against the truth
	$(BIN)/sojourn demo

# In order: the long ones of whole runs come first, so that no process is left alone with them at the end.
test: setup ## all tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 25

faults: setup ## all faults: stops at every operation, kills, flipped bytes, damaged inputs (within an hour)
	$(BIN)/python -m pytest tests/faults --faults full --timeout 3600 --numprocesses 2 --dist loadfile --durations 10

lint: setup ## style, types and the walls between the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check
	$(BIN)/lint-imports

picture: demo ## draw the README's picture from the demo
	$(BIN)/python -m publication.readme_picture sojourn-demo/run docs/picture.svg

dictionary: setup ## renew docs/data_dictionary.md from the contracts and the schema classes
	$(BIN)/sojourn dictionary > docs/data_dictionary.md

assumptions: setup ## renew docs/assumptions.md from the rule sets, the study and the code
	$(BIN)/sojourn assumptions > docs/assumptions.md

rule-cases: setup ## renew the cases in docs/rule_cases.md from those of the sets that ship
	sed -i '/^## /,$$d' docs/rule_cases.md
	printf '## long_term_2019\n\n' >> docs/rule_cases.md
	$(BIN)/sojourn rules test --markdown >> docs/rule_cases.md
	printf '## definitions_2019\n\n' >> docs/rule_cases.md
	$(BIN)/sojourn rules test definitions_2019 --markdown >> docs/rule_cases.md

NAME_SOURCES = nicknames==1.0.1 name-variants==0.1.3 habesha-names==0.2.0 arabic-name-romanizer==0.2.0

name-variants: setup ## renew pipeline/ingest/name_variants.csv from the packages that NOTICE names
	$(BIN)/uv pip install --quiet $(NO_CACHE) --no-deps --target $(VENV)/name-sources $(NAME_SOURCES)
	$(BIN)/python -m pipeline.ingest.derive_name_variants $(VENV)/name-sources

VALIDATE = $(BIN)/sojourn validate --residents 50000 --calibration long_term_2019
VALIDATED = sojourn-validate

accuracy: setup ## renew docs/accuracy.md and docs/accuracy_true_links.md: sixty and twenty countries (about two hours)
	$(VALIDATE) --replicates 60 --out $(VALIDATED)/run
	cp $(VALIDATED)/run/validation.json $(VALIDATED)/of_the_run.json
	$(VALIDATE) --replicates 20 --with true_links --against $(VALIDATED)/of_the_run.json --out $(VALIDATED)/true_links
	cp -r $(VALIDATED)/run/accuracy.md $(VALIDATED)/run/accuracy docs/
	cp -r $(VALIDATED)/true_links/accuracy_true_links.md $(VALIDATED)/true_links/accuracy_true_links docs/

SCENARIOS = hard_links visa_surge longer_stays

accuracy-of-scenarios: setup ## renew docs/accuracy/of_SCENARIO: twenty calibrated countries of 50,000 residents each (about an hour)
	for scenario in $(SCENARIOS); do \
		$(BIN)/sojourn validate --replicates 20 --residents 50000 --scenario $$scenario \
			--calibration long_term_2019 --out $(VALIDATED)/$$scenario && mkdir -p docs/accuracy/of_$$scenario && \
		cp -r $(VALIDATED)/$$scenario/accuracy.md $(VALIDATED)/$$scenario/accuracy docs/accuracy/of_$$scenario/ || exit 1; \
	done

CALIBRATION = sojourn-calibration
TRAINING_SEEDS = $(shell seq 1 8) $(shell seq 11 18)

calibration: setup ## make rules/sets/calibrations/long_term_2019.toml from sixteen countries (about half an hour)
	for seed in $(TRAINING_SEEDS); do \
		$(BIN)/sojourn simulate --residents 50000 --seed $$seed --out $(CALIBRATION)/$$seed \
			--errors rules/sets/calibrations/training_errors_$$((seed <= 8 ? 1 : 2)).toml && \
		$(BIN)/sojourn run $(CALIBRATION)/$$seed || exit 1; \
	done
	$(BIN)/sojourn evaluate $(foreach seed,$(TRAINING_SEEDS),$(CALIBRATION)/$(seed)/run) \
		--write-calibration rules/sets/calibrations/long_term_2019.toml

lock: ## renew requirements.lock (versions and hashes, no download address)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "uv>=0.8"
	$(BIN)/uv pip compile --quiet $(NO_CACHE) --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --python-version 3.11 --upgrade --group dev --output-file requirements.lock pyproject.toml

clean: ## remove what the demo and the tools leave behind
	rm -rf sojourn-demo sojourn-validate sojourn-calibration .pytest_cache .ruff_cache .import_linter_cache .hypothesis
