# warifu - see README.md. `make` builds, `make test` tests, `make demo` shows.
#
# SAN=address,undefined or SAN=thread builds a second tree beside the plain one.
# CC=clang works too; FUZZ=1 builds the fuzz targets with libFuzzer. Nothing outside this checkout is written except by `make setup-*`
# (Debian packages) and `make install`.

SAN ?=
FUZZ ?=
CC := gcc
comma := ,
ifneq ($(FUZZ),)
VARIANT := fuzz
CC := clang
else ifneq ($(SAN),)
VARIANT := san-$(subst $(comma),-,$(SAN))
else
VARIANT := release
endif
B := build/$(VARIANT)

PYTHON := /usr/bin/python3
PREFIX ?= /usr
DESTDIR ?=

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual \
	-Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Werror
HARD := -fstack-protector-strong -fPIE -fstack-clash-protection -fcf-protection
ifneq ($(FUZZ),)
OPT := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-omit-frame-pointer -fno-sanitize-recover=all
SANLD := address,undefined
else ifeq ($(SAN),)
HARD += -D_FORTIFY_SOURCE=2
OPT := -O2 -g
else
SANLD := $(SAN)
OPT := -O1 -g -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
endif
CPPFLAGS := -I. -D_GNU_SOURCE $(if $(SANLD),-DWARIFU_SANITIZED)
CFLAGS := -std=c11 $(OPT) $(WARN) $(HARD) -ffunction-sections -fdata-sections
LDFLAGS := -pie -Wl,-z,relro,-z,now,--gc-sections $(if $(SANLD),-fsanitize=$(SANLD))
LDLIBS := -lssl -lcrypto -lnghttp2 -lsqlite3 -lmaxminddb -lmicrohttpd -lseccomp -lpthread -lm

SRCS := $(sort $(wildcard policy/*.c certs/*.c proxy/*/*.c))
MAIN := proxy/main/warifu.c
LIBOBJS := $(patsubst %.c,$(B)/%.o,$(filter-out $(MAIN),$(SRCS)))
TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
TOOLS := $(patsubst tests/tools/%.c,$(B)/tools/%,$(sort $(wildcard tests/tools/*.c)))

all: $(B)/warifu

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libwarifu.a: $(LIBOBJS)
	@rm -f $@
	ar rcs $@ $^

$(B)/warifu: $(B)/proxy/main/warifu.o $(B)/libwarifu.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/tests/%: $(B)/tests/unit/%.o $(B)/libwarifu.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# A fuzz target linked with the replay main: every corpus is a regression test. With FUZZ=1
# it is linked with clang's libFuzzer instead.
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(if $(FUZZ),,$(B)/tests/fuzz/replay.o) $(B)/libwarifu.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(if $(FUZZ),-fsanitize=fuzzer) -o $@ $^ $(LDLIBS)

$(B)/tools/%: $(B)/tests/tools/%.o $(B)/libwarifu.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

units: $(TESTS)
fuzzers: $(FUZZERS)
tools: $(TOOLS)

# Files that the assembler includes.
$(B)/proxy/web/asset.o: $(wildcard proxy/web/assets/*)
$(B)/proxy/gate/rules.o: policy/rules/wallet-console.policy policy/rules/wallet-console.case

-include $(patsubst %.c,$(B)/%.d,$(SRCS)) $(wildcard $(B)/tests/*/*.d)

clean:
	rm -rf build

# Everything in the plain tree. Beside it, in the tree of AddressSanitizer and UBSan, parsers,
# fuzz corpora and what logs in, is copied and is refused; in ThreadSanitizer's what threads share.
# One run, one count.
ASAN_TESTS := san-address-undefined=unit/*,fuzz/*,blackbox/[df]*,blackbox/h0[234]*,blackbox/t01*,blackbox/v*,attack/carriers,attack/held,attack/smuggling
TSAN_TESTS := san-thread=unit/test_ring,unit/test_table,unit/test_scribe,unit/test_metric,unit/test_map,blackbox/d0[34]*,blackbox/t01*
# `make sanitize`: everything in AddressSanitizer's tree, and in ThreadSanitizer's all that has threads. Left out is
# only what runs nothing of ours (blackbox/a* backends and the runner, browser/a* drivers and consoles without a gate,
# lint), what counts under programs that no sanitizer bears (blackbox/e*), and in the second tree what has one thread
# (fuzz, oracles) and the browsers, whose requests differ by bytes and not by threads. What a sanitizer's build cannot
# have is said by the test that skips it (sandbox: o01).
ASAN_ALL := san-address-undefined=unit/*,fuzz/*,oracle/*,blackbox/*,attack/*,browser/b*,!blackbox/[ae]*
TSAN_ALL := san-thread=unit/*,blackbox/*,attack/*,!blackbox/[ae]*,!attack/honest,!attack/theft
JOBS := -j$(shell nproc)

test: trees
	$(PYTHON) tests/run.py --variant release --variant '$(ASAN_TESTS)' --variant '$(TSAN_TESTS)'

sanitize: trees
	$(PYTHON) tests/run.py --variant '$(ASAN_ALL)' --variant '$(TSAN_ALL)'

trees: setup-test
	sh tests/setup-node.sh
	$(MAKE) $(JOBS) all units fuzzers tools
	$(MAKE) $(JOBS) SAN=address,undefined all units fuzzers tools
	$(MAKE) $(JOBS) SAN=thread all units tools

lint: setup-test
	$(MAKE) $(JOBS) all units
	$(PYTHON) tests/run.py --variant $(VARIANT) --group lint

# What building and testing need, from Debian's packages; asks nothing if it is there.
setup-test:
	@sh tests/setup.sh build test lint

# One stolen cookie, told act by act; then it stays up until Ctrl-C (DEMO=once ends it).
demo:
	@sh tests/setup.sh demo
	@$(MAKE) -q --no-print-directory all || $(MAKE) --no-print-directory all
	@sh tests/geo/geodata.sh || test $$? -eq 3
	@exec $(PYTHON) tests/demo/demo.py

# libFuzzer on every target, FUZZ_SECONDS each; what it finds goes into the corpus.
FUZZ_SECONDS ?= 60
fuzz: setup-test
	$(MAKE) FUZZ=1 fuzzers
	$(PYTHON) tests/fuzz.py --seconds $(FUZZ_SECONDS) $(TARGETS)

# What a request costs, beside nginx and HAProxy: a table, and build/bench.json. A short run:
# make bench BENCH_ROUNDS=2 BENCH_SECONDS=1 BENCH_SESSIONS=20000; parts of it: BENCH_ONLY=bodies,latency
BENCH_ROUNDS ?= 5
BENCH_SECONDS ?= 2
BENCH_SESSIONS ?= 100000
BENCH_IDLE ?= 10000
BENCH_ONLY ?=
export BENCH_ROUNDS BENCH_SECONDS BENCH_SESSIONS BENCH_IDLE BENCH_ONLY
bench:
	@sh tests/setup.sh bench
	$(MAKE) all tools
	$(PYTHON) tests/bench/bench.py

# A mixed load beside ten thousand connections: nothing lost, cut or grown, the log verified. With a sanitizer:
# make soak SAN=address,undefined  or  make soak SAN=thread; a tree that is built: SOAK_VARIANT=release.
SOAK_SECONDS ?= 600
SOAK_VARIANT ?= $(VARIANT)
soak:
	@sh tests/setup.sh soak
	$(MAKE) all tools
	WARIFU_BUILD=$(CURDIR)/build/$(SOAK_VARIANT) $(PYTHON) tests/soak/soak.py --seconds $(SOAK_SECONDS) $(if $(SOAK_CROWD),--crowd $(SOAK_CROWD))

geodata:
	sh tests/geo/geodata.sh

# Where things go on Debian; DESTDIR for packages. Settings that are there stay as they are.
SHARE := $(DESTDIR)$(PREFIX)/share
install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(SHARE)/man/man5 $(SHARE)/man/man8 \
	    $(SHARE)/warifu/recipes $(SHARE)/warifu/policy $(SHARE)/doc/warifu \
	    $(DESTDIR)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)/etc/warifu
	install -m 755 $(B)/warifu $(DESTDIR)$(PREFIX)/sbin/warifu
	install -m 644 docs/man/*.5 $(SHARE)/man/man5
	install -m 644 docs/man/*.8 $(SHARE)/man/man8
	install -m 644 recipes/*.recipe $(SHARE)/warifu/recipes
	install -m 644 policy/rules/*.policy policy/rules/*.case $(SHARE)/warifu/policy
	install -m 644 LICENSE docs/licenses/LICENSE-JA4 $(SHARE)/doc/warifu
	sed 's|"../../recipes/|"$(PREFIX)/share/warifu/recipes/|' docs/examples/warifu.conf > $(SHARE)/doc/warifu/warifu.conf.example
	chmod 644 $(SHARE)/doc/warifu/warifu.conf.example
	sed 's|/usr/sbin/|$(PREFIX)/sbin/|' docs/examples/warifu.service > $(DESTDIR)/lib/systemd/system/warifu.service
	chmod 644 $(DESTDIR)/lib/systemd/system/warifu.service
	install -m 644 docs/examples/warifu.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/warifu.conf

.PHONY: install sanitize trees all units fuzzers tools clean test lint fuzz bench soak demo setup-test geodata
.SECONDARY:
