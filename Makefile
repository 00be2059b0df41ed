# Two commands do all set-up on a fresh machine: `make course` and `make test`. `make help` lists the rest.
SHELL := /bin/sh
PY := .venv/bin/python
ECOMLIB := .venv/bin/ecomlib
JOBS ?= 2
# One thread a process: two notebooks or test workers at a time share the cores without spinning against each other.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1

.PHONY: help setup course test unit papermill nbval lint coverage test-pandas3 notebooks workshop lab doctor wheel address smoke golden clean

help:  ## this list
	@grep -E '^[a-z0-9-]+:.*##' Makefile | sed -e 's/:.*## /\t/' | expand -t 16

setup:  ## make .venv with the tested versions (PYTHON= chooses the interpreter)
	@sh .ci/setup

course: setup  ## run the whole course on the embedded store and leave build/report.html
	@$(ONE_THREAD) $(ECOMLIB) run --out build --jobs $(JOBS)

test: setup  ## every test: style, types, package, lessons by papermill and nbval
	@$(ONE_THREAD) $(PY) tests/run_all.py

unit: setup  ## the package's tests alone
	@$(ONE_THREAD) $(PY) tests/run_all.py package

papermill: setup  ## the lessons at size tiny, full and learner's versions
	@$(ONE_THREAD) $(PY) tests/run_all.py papermill

nbval: setup  ## the committed lessons against their own outputs, numbers within their tolerances
	@$(ONE_THREAD) $(PY) tests/run_all.py nbval

lint: setup  ## ruff and mypy
	@$(PY) tests/run_all.py style

coverage: setup  ## coverage of the package by its own tests, in a process of its own
	@$(ONE_THREAD) $(PY) -m pytest -q -n $(JOBS) --ignore tests/course/test_lessons_papermill.py --ignore tests/course/test_second_parts.py --ignore tests/house/test_style.py --cov ecomlib --cov-report term:skip-covered tests

test-pandas3:  ## the package's tests under pandas 3, in an environment of their own
	@sh .ci/pandas3

notebooks: setup  ## execute the lessons at their default parameters and store the outputs (LESSONS="00 01")
	@$(ONE_THREAD) $(PY) -m ecomlib.course.authoring.execute $(LESSONS)

workshop: setup  ## learner's, solution and instructor's sets in build/workshop
	@$(ECOMLIB) workshop build --out build/workshop

lab: setup  ## JupyterLab on the lessons
	@$(ECOMLIB) lab

doctor: setup  ## what is installed, what is missing, how to mend it
	@$(ECOMLIB) doctor

wheel:  ## dist/ecomlib-*.whl with the lessons inside; needs pip alone (any Python 3.11 to 3.13: PYTHON=)
	@$(or $(PYTHON),$(if $(wildcard $(PY)),$(PY),python3)) -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

address: setup  ## write the repository's public address into set-up cells and badges: make address REPO=owner/name
	@$(PY) -m ecomlib.course.authoring.address $(REPO)

smoke: setup  ## every benchmark, as small as it goes
	@$(ONE_THREAD) $(PY) -m pytest -q tests/benchmarks/test_benchmarks.py

golden: setup  ## what moved since the golden record: forecasts, intervals, orders, effects (ARGS="--only networks")
	@$(PY) tests/golden/golden.py $(ARGS)

clean:  ## remove what was made here, the environment too
	rm -rf .venv .venv-pandas3 build dist *.egg-info
