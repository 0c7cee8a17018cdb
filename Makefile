# The front door. Everything else is CMake (CMakePresets.json) and the scripts that are named here.
JOBS ?= $(shell nproc)
PRESET ?= release

.PHONY: run build deb test check bench setup clean

run: build            ## build, then serve the demonstration disk in the foreground
	@tools/run

build:                ## build/$(PRESET)/bin/targed and targe
	@tools/build $(PRESET)

deb: build            ## Debian packages of the build: build/deb/targe_VERSION_amd64.deb, and libtarge for authors of handlers
	@tools/deb build/$(PRESET)

test:                 ## everything: unit tests, sanitizers, conformance, real initiators, tools/check
	@JOBS=$(JOBS) python3 conformance/run.py

check:                ## format, layers, sizes, headers, clauses, clang-tidy
	@JOBS=$(JOBS) tools/check

bench: build          ## against Debian's tgt and istgt and the bare socket, in one run; fails where Targe is behind
	@python3 bench/run.py

setup:                ## install the Debian packages that are missing
	@tools/setup

clean:
	rm -rf build
