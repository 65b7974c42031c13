# Two commands do everything: `make demo` and `make test`. Each makes its own virtual environment.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
NATIVE  := setup.py $(wildcard xdr/*.[ch] rpcrdma/*.[ch] rpcrdma/*/*.[ch] rpcrdma/*/*/*.[ch] dissector/*/*.[ch] server/*/*.[ch] client/*.[ch])

# The tests start programs by the hundred: where Python may not keep what it has compiled, each of
# them compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test soak crashes conformance fuzz wireshark-next corpus check bench targets costs format emit docs clean twins lanes-off compiled native-million native-asan manual dist deb install

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# What `pip` gets: everything, or, where only the native modules have changed, those alone.
$(STAMP): pyproject.toml $(NATIVE)
	@command -v $(PYTHON) >/dev/null || { \
	  echo "nfsrdma needs Python 3.11 or newer. On Debian: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "nfsrdma needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments. On Debian: apt-get install python3-venv"; exit 1; }
	@echo "== installing into the virtual environment $(VENV) (the first time: about a minute)"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  $(if $(filter pyproject.toml,$?),-e '.[dev]',--no-deps -e .) || { \
	  echo "The packages could not be installed: see pip's message above (is a package index reachable?)"; exit 1; }
	@touch $@

demo: $(STAMP) ## copy a tree in and out over RDMA and TCP, and compare every file
	@$(BIN)/nfsrdma demo --pcap demo.pcapng

test: $(STAMP) ## the whole test suite, with branch coverage
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m pytest $(SHARED_OUT) \
	  --cov --cov-report term --cov-fail-under $(COVERAGE) $(TESTS)
# A file's tests stay together, and files start in the order of tests/conftest.py: the longest first.
SHARED_OUT = --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
COVERAGE ?= 90
TESTS ?= tests

soak: $(STAMP) ## SEEDS=1000 seeds of the simulation with mixed faults; says how to replay what fails
	@$(BIN)/python -m tests.sim.replay --seeds 0:$(SEEDS) --jobs $(JOBS)
SEEDS ?= 1000
JOBS ?= $(shell nproc)

crashes: $(STAMP) ## KILLS=200 of the server and CLIENTS=100, locks and delegations held: nothing lost, nothing twice
	@PYTHONPATH=src:. $(BIN)/python -m tests.crash --kills $(KILLS) --clients $(CLIENTS)
KILLS ?= 200
CLIENTS ?= 100

conformance: $(STAMP) ## foreign suites, of those checkouts that are named: PYNFS= PJDFSTEST= CTHON= LIBNFS= XFSTESTS=
	@PYTHONPATH=src:. $(BIN)/python -m tests.suites $(CONFORMANCE_ARGS)

.PHONY: mount-workloads
mount-workloads: $(STAMP) ## git, make, databases, fio, rsync ... on a mount; ARGS="--kill-every 20 --cut-every 20 --loss 2 --suites DIR git"
	@PYTHONPATH=src:. $(BIN)/python -m tests.mount_workloads $(ARGS)

twins: $(STAMP) ## what the native modules do, done by their twins in Python
	@NFSRDMA_NATIVE=0 $(BIN)/python -m pytest $(SHARED_OUT) $(TWIN_TESTS) -k 'not verbs and not shm'
TWIN_TESTS = tests/conformance tests/unit/test_roce_*.py tests/unit/test_xdr_*.py \
  tests/property/test_roce_*.py tests/property/test_xdr_*.py tests/vectors/test_roce_captures.py \
  tests/sim/test_transport_sim.py tests/loopback/test_soft_udp.py \
  tests/unit/test_task_future.py tests/unit/test_dissector_capture.py tests/security/test_security_captures.py tests/unit/test_server_local.py tests/unit/test_server_lanes.py

lanes-off: $(STAMP) ## what the server's lane does, done by the machine
	@NFSRDMA_LANES=0 $(BIN)/python -m pytest $(SHARED_OUT) $(LANE_TESTS)
LANE_TESTS = tests/unit/test_server_*.py tests/security/test_security_[m-w]*.py \
  tests/loopback/test_client_server.py tests/sim/test_server_sim.py

# In a copy, so that no edit of the tree is ever hidden by what was compiled of it before. Times are
# kept, so that only what has changed is built again.
compiled: $(STAMP) ## the dissector compiled from its own source, in build/compiled, and its tests on that
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'setuptools>=69'
	@mkdir -p build/compiled
	@find build/compiled -mindepth 1 -maxdepth 1 ! -name build ! -name .mypy_cache -exec rm -rf {} +
	@git ls-files -z | xargs -0 cp -P --parents --preserve=timestamps -t build/compiled
	@cd build/compiled && NFSRDMA_COMPILED=1 $(abspath $(BIN))/python setup.py -q build_ext --inplace
	@cd build/compiled && PYTHONPATH=$(abspath build/compiled/src) $(abspath $(BIN))/python -m nfsrdma doctor compiled
	@cd build/compiled && PYTHONPATH=$(abspath build/compiled/src) $(abspath $(BIN))/python -m pytest \
	  -p no:cacheprovider $(SHARED_OUT) $(COMPILED_TESTS)
COMPILED_TESTS = tests/unit/test_dissector_*.py tests/unit/test_cli_dissect.py tests/vectors \
  tests/property/test_dissector_*.py tests/security/test_security_captures*.py tests/fuzz

native-million: $(STAMP) ## a million random packets, messages in shared memory, and calls: native code beside its twin
	@PYTHONPATH=src:. $(BIN)/python -m tests.support.kernel_cases --packets 1000000
	@NFSRDMA_TALKS=1000000 $(BIN)/python -m pytest -q -n0 --timeout=0 tests/property/test_shm_talk.py
	@NFSRDMA_TALKS=100000 $(BIN)/python -m pytest -q -n0 --timeout=0 tests/property/test_io_exchange.py
	@NFSRDMA_LANE_CALLS=1000000 $(BIN)/python -m pytest -q -n0 --timeout=0 tests/property/test_server_lane.py

# The sanitizers must be there before Python is; leaks are Python's own. In a copy, as it leaves
# modules behind that no ordinary Python can load.
native-asan: $(STAMP) ## the native modules' tests under the sanitizers, then MINUTES=0 of hostile input
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check setuptools
	@rm -rf build/asan && mkdir -p build/asan && git ls-files -z | xargs -0 cp -P --parents -t build/asan
	@cd build/asan && NFSRDMA_SANITIZE=1 $(abspath $(BIN))/python setup.py -q build_ext --inplace
	@cd build/asan && PYTHONPATH=src:. PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 \
	  LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	  sh -c '$(abspath $(BIN))/python -m tests.support.kernel_cases --packets 100000 && \
	    $(abspath $(BIN))/python -m pytest -p no:cacheprovider $(ASAN_TESTS) && \
	    $(abspath $(BIN))/python -m tests.support.native_soak --minutes $(MINUTES)'
ASAN_TESTS = tests/property/test_roce_*.py tests/property/test_xdr_*.py tests/unit/test_roce_*.py \
  tests/unit/test_xdr_codec.py tests/property/test_shm_talk.py tests/property/test_shm_post.py tests/property/test_server_lane.py tests/property/test_server_listing.py \
  tests/property/test_io_exchange.py tests/loopback/test_tcp_exchange.py tests/loopback/test_tcp_serve.py \
  tests/unit/test_server_lanes.py tests/unit/test_server_entries.py tests/unit/test_server_at_hand.py tests/loopback/test_soft_udp.py \
  tests/unit/test_task_future.py tests/property/test_future_twins.py tests/property/test_transport_short.py tests/property/test_client_quick_twins.py tests/property/test_client_stat_twins.py tests/property/test_client_entries_twins.py tests/unit/test_shm_exchange.py tests/unit/test_rpc_lanes.py tests/security/test_security_native_reentry.py
MINUTES ?= 0

wireshark-next: $(STAMP) ## the Wireshark of Debian's next release: our plugins in it, and what it still gets wrong
	@next=$$($(BIN)/python tools/wireshark_next.py) || { [ $$? = 3 ] && exit 0; exit 1; }; \
	  PATH="$$(dirname $$next):$$PATH" $(BIN)/python -m pytest -rs $(WIRESHARK_TESTS)
WIRESHARK_TESTS = tests/unit/test_dissector_wireshark.py tests/vectors/test_dissector_compare.py

fuzz: $(STAMP) ## SECONDS=600 of coverage-guided fuzzing of the dissector; says how to replay what breaks
	@$(BIN)/python -c 'import atheris' 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check $$($(EXTRA) fuzz)
	@PYTHONPATH=src:. nice $(BIN)/python -m tests.fuzz.run --seconds $(SECONDS)
SECONDS ?= 600

corpus: $(STAMP) ## write the generated captures and what is true of them anew
	@PYTHONPATH=src:. $(BIN)/python -m tests.corpus

check: $(STAMP) ## style, types, and that what is emitted or generated is fresh
	@echo "== ruff"; $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "== mypy --strict"; $(BIN)/mypy
	@MYPYPATH=examples/echo:src $(BIN)/mypy $(TYPED_EXAMPLES)
	@if command -v $(CC) >/dev/null; then echo "== $(CC), no warnings"; \
	  for source in $(filter %.c,$(NATIVE)); do $(CC) $(LINT) $$source || exit 1; done; fi
	@echo "== emitted modules"; $(BIN)/python -m nfsrdma.xdr.compiler --check
	@$(BIN)/python -m nfsrdma.client.api.emit --check
	@$(BIN)/nfsrdma xdrgen examples/echo/echo.x -o examples/echo/echo_protocol.py --check
	@echo "== coverage table"; $(BIN)/python tools/coverage.py --check
	@echo "== conformance tests"; $(BIN)/python tools/conform_tests.py --check
	@$(BIN)/python tools/conform_results.py --check
	@echo "== fields of Wireshark"; $(BIN)/python tools/wireshark_fields.py --check
	@echo "== public API"; $(BIN)/python tools/public_api.py --check

# NumPy's arrays are buffers to mypy from Python 3.12 on only.
TYPED_EXAMPLES = $(filter-out examples/read_into_numpy.py,$(wildcard examples/*.py examples/echo/*.py))
LINT = -std=c11 -fsyntax-only -O2 -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Werror \
  -DPy_LIMITED_API=0x030B0000 -Ixdr \
  -isystem $(shell $(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')

bench: $(STAMP) ## speed of everything, the short form: tables, benchmarks/out.json, plots in benchmarks/out
	@$(BIN)/nfsrdma bench --short --json benchmarks/out.json --plot benchmarks/out
	@$(BIN)/nfsrdma rdma-bench --short
	@for each in xdr_codec roce_engine transport_null rpc_tcp; do \
	  echo "== $$each"; PYTHONPATH=src:. $(BIN)/python benchmarks/$$each.py || exit 1; done
	@PYTHONPATH=src $(BIN)/python benchmarks/dissect.py --packets 100000 --messages 20000

targets: $(STAMP) ## what was to be reached in speed, measured: some ten minutes; Ganesha, libnfs, tshark if there
	@PYTHONPATH=src $(BIN)/python benchmarks/targets.py --json benchmarks/out/targets.json \
	  --history benchmarks/history.jsonl

costs: $(STAMP) ## what an operation costs, against clients, files, opens, locks: five minutes, 1.5 GB in /dev/shm
	@PYTHONPATH=src:. $(BIN)/python benchmarks/costs.py --json benchmarks/out/costs.json

format: $(STAMP) ## put every file into shape
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

emit: $(STAMP) ## emit anew what `make check` finds stale: XDR modules, blocking face, tables, lists, API
	@$(BIN)/python -m nfsrdma.xdr.compiler
	@$(BIN)/python -m nfsrdma.client.api.emit
	@$(BIN)/python tools/coverage.py
	@$(BIN)/python tools/conform_tests.py
	@$(BIN)/python tools/conform_results.py
	@$(BIN)/python tools/public_api.py

# Packages of one of pyproject.toml's extras: `-e '.[docs]'` would build all of ours once more.
EXTRA = $(BIN)/python -c 'import sys, tomllib; \
  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"][sys.argv[1]])'

docs: $(STAMP) ## the documentation as a site in out/docs; warnings are errors
	@$(BIN)/python -c 'import furo, myst_parser, sphinx_click, sphinx_copybutton' 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check $$($(EXTRA) docs)
	@$(BIN)/python -m sphinx -W --keep-going -q -b html -d out/doctrees docs out/docs
	@echo "open out/docs/index.html"

manual: $(STAMP) ## man pages and completions of the shells, in out/manual
	@$(BIN)/python -c 'import click_man' 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check $$($(EXTRA) package)
	@$(BIN)/python tools/manual.py out/manual
	@echo "man -l out/manual/man/nfsrdma.1"

dist: $(STAMP) ## a wheel and a source distribution, in dist
	@$(BIN)/python -c 'import build' 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check $$($(EXTRA) package)
	@$(BIN)/python -m build --outdir dist . >/dev/null && ls dist

deb: ## a package for this Debian, in dist
	@packaging/deb.sh

install: manual ## for packagers: DESTDIR= PREFIX=/usr/local, with what it needs beside it
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-warn-script-location \
	  --root "$(abspath $(DESTDIR)/)" --prefix $(PREFIX) .
	@install -d $(DESTDIR)$(PREFIX)/share/man/man1 && cp out/manual/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	@cd out/manual/completions && install -D -m 644 bash/nfsrdma $(DESTDIR)$(PREFIX)/share/bash-completion/completions/nfsrdma
	@cd out/manual/completions && install -D -m 644 zsh/_nfsrdma $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_nfsrdma
	@cd out/manual/completions && install -D -m 644 fish/nfsrdma.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/nfsrdma.fish
PREFIX ?= /usr/local

clean: ## remove what make made
	rm -rf $(VENV) build dist out .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis demo.pcapng

include tests/interop/Makefile.inc
interop interop-captures interop-conform interop-deps interop-loss interop-yardstick lab-shell: $(STAMP)
