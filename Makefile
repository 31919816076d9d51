# make run   the demo: simulated frames through the whole graph; ends by itself with a report
# make test  every test (real captures are used when HYDRAFLOW_DATA names their folder); PYTEST='-k book -x' adds options.
#            Two processes take the tests file by file where there are two cores; PYTEST='-n 0' is one, for a debugger
# make conformance  the ring's behaviours by number, compiled, as plain Python and with bounds checked
# make mutants      faults seeded into the ring, one at a time; each must fail a named test
# make verify       races, litmus tests, fuzzing, models, schedules in the long form (docs/verification.md; needs clang, spin)
# make verify-arm   the same loops as aarch64 instructions, and the conformance suite on an emulated aarch64 (needs qemu)
# make lint  ruff, mypy, import contracts      make bench  the benchmarks
# make docs  what is generated in docs/        make clean  remove the environment and what was built
#
# Needs make, git, Python 3.11 or later and a package index. The environment (.venv, or HYDRAFLOW_VENV) is made and
# renewed by bootstrap.sh whenever pyproject.toml, the place of the checkout or Python itself has changed.

SHELL := /bin/sh
IN    := sh bootstrap.sh --run

# Two and not more: engines pin their threads to the first cores, and what compiles a graph needs half a gigabyte
SHARED := -n auto --maxprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: run test conformance mutants verify verify-arm lint bench docs clean
.DEFAULT_GOAL := run

run:
	@$(IN) hfx run config/demo.yaml $(RUN)

test:
	@$(IN) python -m pytest $(SHARED) $(PYTEST)

conformance:
	@$(IN) python -m tools.conformance $(CONFORMANCE)

mutants:
	@$(IN) python -m tools.mutants $(MUTANTS)

verify:
	@$(IN) python -m tools.verify --long $(VERIFY)

verify-arm:
	@$(IN) python -m tools.verify --long --only arm emulated $(VERIFY)

lint:
	@$(IN) ruff check .
	@$(IN) mypy
	@$(IN) lint-imports --no-logo

bench:
	@$(IN) python -m bench $(BENCH)

docs:
	@$(IN) python -m tools.make_stub
	@$(IN) python -m tools.make_reference
	@$(IN) python -m tools.make_conformance
	@$(IN) python -m tools.make_errors

clean:
	@sh bootstrap.sh --remove
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .benchmarks
