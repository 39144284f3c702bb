# What a person types here. Every goal is one script or one cargo call; the work is in scripts/.
.PHONY: compat guest help demo test lib program examples bench kill-test simulate soak takeover trials size install deb install-deps clean

FEATURES ?= pool-element sctp-udp
PROFILE ?= dist
RUNS ?= 20
CALLS ?= 500
PREFIX ?= /usr/local
LIBDIR ?= lib
OUT ?= build

help:
	@echo 'make demo          three C servers, three registrars, 500 calls: two servers and a registrar go, no call is lost; HOLD=1: it stays up'
	@echo 'make test          everything that is checked: format, lints, Rust and C tests, fuzz smoke, kernel SCTP guest'
	@echo 'make lib           librserpool.so, librserpool.a and the headers, in build/ (PROFILE=small FEATURES= for the smallest)'
	@echo 'make guest         runs CMD="..." in a User-Mode-Linux guest whose kernel has SCTP; without CMD its tests'
	@echo 'make compat        build/compat/librsplib.so.3: with it in LD_LIBRARY_PATH, programs built for rsplib run with us'
	@echo 'make examples      the programs of c-examples/, in build/examples/'
	@echo 'make bench         codec, handlespace beside rsplib; registrar under load, round trips and resolutions a second against the raw transport'
	@echo 'make kill-test     kills a random server at a random moment, RUNS=20 times in a row; no call may be lost'
	@echo 'make simulate      registrars and clients in virtual time, with faults, ROGUES=1 with rogues: SEED=1 RUNS=1000; TRACE=1 prints every event'
	@echo 'make soak          three registrars, 10 000 elements, 200 resolutions a second: killed, hung, restarted, cut off'
	@echo 'make takeover      how long a registrar that dies is missed: killed, hung, cut off; two and three; both profiles'
	@echo 'make trials        200 sessions while servers and registrars fail at random, ten minutes a profile: each request is answered'
	@echo 'make size          size of the client library and memory of a connected C client'
	@echo 'make program       the program rserpool (registrar, and tools to look at one), in build/'
	@echo 'make install       what is in build/ into DESTDIR/PREFIX (/usr/local); builds it first where nothing is there'
	@echo 'make deb           Debian packages: library, -dev, tools, compat; in build/deb/'
	@echo 'make install-deps  the Debian packages that demo and test need, and cargo-deny'
	@echo 'make clean         removes build/ and target/'

install-deps:
	scripts/install-packages build test small
	scripts/deny --install

demo:
	scripts/install-packages build
	HOLD='$(HOLD)' scripts/demo --calls $(CALLS)

test:
	scripts/install-packages build test small
	scripts/test

guest:
	scripts/install-packages test
	$(if $(CMD),scripts/guest/run -- sh -c '$(subst ','\'',$(CMD))',scripts/guest/test)

lib:
	FEATURES='$(FEATURES)' PROFILE='$(PROFILE)' OUT='$(OUT)' scripts/build-lib

examples: lib
	scripts/build-examples

compat: lib
	scripts/build-compat

bench:
	scripts/bench all

kill-test:
	scripts/install-packages build
	scripts/kill-test --runs $(RUNS)

simulate:
	scripts/simulate

soak:
	scripts/soak

takeover:
	scripts/takeover-times

trials:
	scripts/session-trials fast 600
	scripts/session-trials default 600

size:
	scripts/install-packages build test small
	scripts/size

program:
	scripts/build-program

# Root often has no cargo: `make lib program`, then `sudo make install`, which builds nothing.
install:
	[ -e $(OUT)/librserpool.so ] || $(MAKE) lib
	[ -e $(OUT)/rserpool ] || $(MAKE) program
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' OUT='$(OUT)' scripts/install

deb:
	scripts/install-packages build deb
	scripts/build-deb

clean:
	rm -rf build target
