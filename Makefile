# Every target that needs the environment depends on .venv/stamp, which is made anew only when what it is made from changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRA := $(if $(wildcard /proc/driver/nvidia/version),gpu,cpu)
# a file's tests in one process, which shares its fixtures; the files in the order of tests/conftest.py
PYTEST = -m pytest -n auto --dist loadfile --no-loadscope-reorder
PYTEST_ARGS ?=
# which mutants, by name; all where empty
MUTANTS ?=
# what make study runs, and where
STUDY ?= multirun/study
REPORT ?= reports/$(notdir $(STUDY))
SWEEPS ?= clean regimes coreset severity components seeds
CATEGORIES ?= hazelnut,carpet,zipper
DATA_ROOT ?= data/mvtec
BACKBONE ?= resnet50
WEIGHTS ?= imagenet
STORE ?= outputs/store
OPTIONS ?=
BENCH ?=
CELL = study.dir=$(STUDY) "study.categories='$(CATEGORIES)'" data.root=$(DATA_ROOT) backbone=$(BACKBONE) backbone.weights=$(WEIGHTS) store.root=$(STORE) $(OPTIONS)
MVTEC := bottle,cable,capsule,carpet,grid,hazelnut,leather,metal_nut,pill,screw,tile,toothbrush,transistor,wood,zipper
# what make demo runs on: elpv (real photographs), synthetic
DATA := elpv
DEMO := backbone=small split=standard coreset_ratio=0.01 metrics.latency=false
DRAWN := data=synthetic data.category=weave,nut,rack backbone=small

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-elpv demo-synthetic study study-all study-demo report test test-fast coverage mutation lint types docs bench clean clean-store

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/stamp-$(EXTRA) ## make .venv with the tested versions (FAISS for the GPU where an NVIDIA driver is there)

$(VENV)/stamp-$(EXTRA): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "adshift needs Python >= 3.11; give make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[$(EXTRA),elpv,joblib,submitit,ray,dev]'
	rm -f $(VENV)/stamp-*
	touch $@

demo: setup demo-$(DATA) ## real photographs: fit on monocrystalline solar cells, test poly- ones under each repair (DATA=synthetic: drawn images)

demo-elpv: setup
	@echo "Solar cells of the package elpv-dataset, PatchCore on the small backbone that comes with adshift (nothing to download); a drawn nut beside them."
	$(BIN)/python train.py -m data=elpv $(DEMO) domain=mono hydra.sweep.dir=outputs/demo/mono
	$(BIN)/python train.py -m data=elpv $(DEMO) domain=poly adaptation=none,threshold,few,full hydra.sweep.dir=outputs/demo/poly
	$(BIN)/python train.py -m data=nut $(DEMO) domain=clean hydra.sweep.dir=outputs/demo/nut
	$(BIN)/python train.py -m data=nut $(DEMO) domain=shift adaptation=none,threshold,few,full save_maps=true hydra.sweep.dir=outputs/demo/nut_shift
	@printf '\nFitted on mono, tested there and on poly under each repair (backbone=small; percent, 95 %% intervals):\n\n'
	@$(BIN)/python -m adshift.report.console outputs/demo/mono/[0-9]* outputs/demo/poly/[0-9]*
	@printf '\nThe drawn nut, clean and shifted:\n\n'
	@$(BIN)/python -m adshift.report.console outputs/demo/nut/[0-9]* outputs/demo/nut_shift/[0-9]*

demo-synthetic: setup
	@echo "Procedural images, PatchCore on the small backbone that comes with adshift (nothing to download): a demonstration, not a benchmark."
	$(BIN)/python train.py -m $(DRAWN) domain=clean hydra.sweep.dir=outputs/demo/clean
	$(BIN)/python train.py -m $(DRAWN) domain=shift adaptation=none,threshold,full save_maps=true hydra.sweep.dir=outputs/demo/shift
	@$(BIN)/python -m adshift.report.gallery data/synthetic outputs/demo/gallery.png --categories weave nut rack
	@printf '\nClean, then shifted under each regime (backbone=small; percent, 95 %% intervals):\n\n'
	@$(BIN)/python -m adshift.report.console outputs/demo/clean/[0-9]* outputs/demo/shift/[0-9]*
	@printf '\nPictures: outputs/demo/gallery.png (clean above shifted), outputs/demo/shift/*/pictures (what the detector sees)\n'

study: setup ## the study on MVTec AD: DATA_ROOT=, CATEGORIES=, BACKBONE=, WEIGHTS=, SWEEPS=, STUDY= (resumable), then its report
	for sweep in $(SWEEPS); do $(BIN)/python train.py sweep=$$sweep $(CELL) || exit 1; done
	case "$(CATEGORIES)" in *,*) $(BIN)/python train.py sweep=unified $(CELL) 'data.categories=[$(CATEGORIES)]' ;; esac
	$(MAKE) --no-print-directory report

study-all: ## the same on all 15 categories of MVTec AD
	$(MAKE) --no-print-directory study CATEGORIES=$(MVTEC) STUDY=$(STUDY)-all

study-demo: ## the study in small: procedural images, the small backbone, its report in reports/demo
	$(MAKE) --no-print-directory study STUDY=multirun/study-demo SWEEPS="clean regimes" CATEGORIES=weave,nut,rack \
		DATA_ROOT=data/synthetic BACKBONE=small WEIGHTS=builtin OPTIONS="study.unified=unified_synthetic save_maps=true" REPORT=reports/demo

report: setup ## the report of the cells below STUDY, into REPORT
	$(BIN)/python -m adshift.report $(STUDY) --out $(REPORT)

test: setup ## run the tests
	$(BIN)/python $(PYTEST) $(PYTEST_ARGS)

test-fast: setup ## run the tests that take seconds and need no real images
	$(BIN)/python $(PYTEST) -m "not slow and not real" $(PYTEST_ARGS)

coverage: setup ## run the tests and measure which lines and branches of adshift/ they run; fails under 90 %
	$(BIN)/python $(PYTEST) --cov --cov-report=term --cov-report=html:outputs/coverage $(PYTEST_ARGS)

mutation: setup ## change metrics, calibration and coreset a little, thousands of times; the tests must notice (MUTANTS="NAME*" for some)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[mutation]'
	$(BIN)/python -m mutmut run $(MUTANTS)
	$(BIN)/python -m mutmut results

lint: setup ## ruff: rules and format; import-linter: data flows one way
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: setup ## mypy, strict
	$(BIN)/mypy

docs: setup ## write docs/configuration.md anew from conf/
	$(BIN)/python docs/configuration.py

bench: setup ## measure against the peers, in benchmarks/results.json and docs/performance.md (BENCH="metrics ..." for some)
	$(BIN)/python benchmarks/run.py $(BENCH)

clean-store: ## empty the store of work that was done once (STORE=)
	rm -rf $(STORE)

clean: ## remove .venv and what runs and tests left (data and results stay)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* mutants adshift.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
