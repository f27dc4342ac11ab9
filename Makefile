# make demo       three annotation servers on shipped headlines; again: nothing to do
# make demo-stop  end them
# make test       install what the tests need, run them (WORKERS=3 at once)
# make check      style, types, order of imports, size of the page
# make page       build the annotation page (needs Node; an installation does not)
# make screenshots  draw the README's pictures from the real page (needs Chromium)
# make test-all   also the long tests, and the lowest and newest dependencies
# make clean      remove everything made here
#
# Everything stays in this folder: .venv, .demo. PRODIGY_HOME leads there too, so that nobody's home is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := .demo
TEAM := $(BIN)/prodigy-team --roster $(DEMO)/team.toml
PIP := -m pip install --quiet --disable-pip-version-check

# Most tests wait for processes, so more of them run at once than there are cores; those that measure time or take the
# whole machine run one by one afterwards. Both are run, and either can fail the target.
WORKERS ?= 3
run-tests = $(1)/bin/python -m pytest -q -n $(WORKERS) --dist loadgroup --no-loadscope-reorder -m "$(2)not alone"; \
  beside=$$?; $(1)/bin/python -m pytest -q -m "$(2)alone" && exit $$beside

export PRODIGY_HOME := $(CURDIR)/$(DEMO)/home

PAGE := src/prodigy_team/annotate/page
NPM := $(shell command -v npm 2>/dev/null)

.PHONY: demo demo-stop test check test-all clean page check-page screenshots
.DELETE_ON_ERROR:

demo: $(VENV)/installed $(DEMO)/team.toml
	@$(TEAM) up
	@echo "End them with: make demo-stop"

demo-stop:
	@if [ -x $(BIN)/prodigy-team ] && [ -e $(DEMO)/team.toml ]; then $(TEAM) stop --force; else echo "No demo here."; fi

test: $(VENV)/installed-for-tests $(if $(NPM),$(PAGE)/node_modules/installed)
	$(call run-tests,$(VENV),not long and )

check: $(VENV)/installed-for-tests
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -q tests/unit/test_import_order.py
	@$(MAKE) --no-print-directory check-page

page: $(PAGE)/node_modules/installed
	cd $(PAGE) && node build.mjs

# Types of the page's source, its built files against it, and their size.
ifdef NPM
check-page: $(PAGE)/node_modules/installed
	cd $(PAGE) && node_modules/.bin/tsc --noEmit && node build.mjs --verify
else
check-page:
	@echo "No npm: the page's source is not checked."
endif

screenshots: $(VENV)/installed-for-tests
	$(BIN)/python docs/screenshots/draw.py

$(PAGE)/node_modules/installed: $(PAGE)/package-lock.json
	cd $(PAGE) && npm ci --no-audit --no-fund
	@touch $@

test-all: test-lowest test-newest check

# Both run all tests, the long ones included.
.PHONY: test-lowest test-newest
test-lowest: .venv-lowest/ready
	.venv-lowest/bin/python $(PIP) uv
	.venv-lowest/bin/uv pip install --quiet --upgrade --python .venv-lowest/bin/python \
	  --resolution lowest-direct --constraint .ci/lowest.txt --editable '.[spacy,oidc,parquet,test]'
	$(call run-tests,.venv-lowest)

test-newest: .venv-newest/ready
	.venv-newest/bin/python $(PIP) --upgrade --upgrade-strategy eager --editable '.[test]'
	$(call run-tests,.venv-newest)

clean:
	@if [ -e $(DEMO)/team.toml ]; then $(MAKE) --no-print-directory demo-stop; fi
	rm -rf .venv .venv-lowest .venv-newest $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The demo has a roster, a state folder and a database of its own.
$(DEMO)/team.toml: team.toml.example
	@mkdir -p $(PRODIGY_HOME)
	@cp team.toml.example $@

# Installed again only when pyproject.toml changed; the sources are used where they are.
$(VENV)/installed: pyproject.toml | $(VENV)/ready
	$(BIN)/python $(PIP) --editable .
	@touch $@

# The tests need many packages, which uv installs in a fifth of pip's time; where it finds no index, pip does it.
$(VENV)/installed-for-tests: pyproject.toml | $(VENV)/ready
	{ $(BIN)/python $(PIP) uv && $(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[test]'; } || \
	  $(BIN)/python $(PIP) --editable '.[test]'
	@touch $@ $(VENV)/installed

%/ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed; name one: make PYTHON=python3.12" >&2; exit 1; }
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D) >/dev/null 2>&1 || { rm -rf $(@D); $(PYTHON) -m virtualenv -q $(@D) 2>/dev/null; } || \
	  { rm -rf $(@D); echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu:" \
	    "apt-get install python3-venv" >&2; exit 1; }
	@touch $@
