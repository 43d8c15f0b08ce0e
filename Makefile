# Two commands for a fresh machine: `make demo` and `make test`. All in .venv, nothing elsewhere.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
BAG ?=

.PHONY: help demo test lint clean

help:
	@echo 'make demo [BAG=path]  install what inference needs, replay a bag, leave results in demo/'
	@echo 'make test             install what tests need (with PyTorch) and run them all'
	@echo 'make lint             ruff and mypy'
	@echo 'make clean            remove .venv and demo/'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo 'Python 3.10 or newer is needed: give one by PYTHON=...'; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo 'python -m venv failed: apt install python3-venv'; exit 1; }

$(VENV)/.cpu: $(BIN)/python setup.py constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable '.[cpu]'
	@touch $@

$(VENV)/.test: $(BIN)/python setup.py constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

demo: $(VENV)/.cpu
	$(BIN)/python -m depth_learning_ros demo $(if $(BAG),'$(BAG)') --output demo --force

# In processes of their own: PyTorch's loader processes beside OpenVINO (AMX) end in a crash of the
# runtimes, and rclpy keeps one context for all nodes of a process.
LEARNING := $(wildcard test/test_training*.py)
NODES := $(wildcard test/test_nodes*.py test/test_ros_double.py)
PYTEST := $(BIN)/python -m pytest -q

test: $(VENV)/.test
	$(PYTEST) test $(addprefix --ignore=,$(LEARNING) $(NODES) test/ros)
	$(PYTEST) $(LEARNING)
	$(PYTEST) $(NODES)
	$(PYTEST) test/ros || [ $$? -eq 5 ]  # 5: no tests, where there is no ROS 2

lint: $(VENV)/.test
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

clean:
	rm -rf $(VENV) demo
