# dupgate. `make help` lists the targets. Every .c file of a room is built; a new file needs no edit here.

VERSION := 0.1.0
BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
PYTHON ?= /usr/bin/python3
PREFIX ?= /usr
SANITIZE ?=

# The Debian 12 packages that everything below needs, in the order of use. `make deps` installs those that are missing.
DEPS_BUILD := gcc make libc6-dev pkg-config libmicrohttpd-dev libjansson-dev libserialport-dev libcurl4-openssl-dev \
	libsqlite3-dev libsystemd-dev libudev-dev libsodium-dev zlib1g-dev libinih-dev libarchive-dev tzdata
DEPS_TEST := check umockdev gir1.2-umockdev-1.0 python3-gi ser2net curl python3 python3-yaml python3-jsonschema procps socat systemd udev minisign openssl \
	ca-certificates netbase
DEPS_LINT := clang clang-format libclang-rt-14-dev man-db groff git
DEPS := $(DEPS_BUILD) $(DEPS_TEST)
PKGS := libmicrohttpd jansson libserialport libcurl sqlite3 libsystemd libudev libsodium zlib inih libarchive

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wcast-qual -Wcast-align -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wswitch-enum \
	-Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion -fno-common
HARDENING := -fstack-protector-strong -fPIE
LINK_HARDENING := -pie -Wl,-z,relro,-z,now
ifeq ($(SANITIZE),)
OPTIMIZE ?= -O2 -g
HARDENING += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
# -Wnull-dereference reports paths that only the instrumentation makes.
OPTIMIZE ?= -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -Wno-null-dereference
LINK_SANITIZE := -fsanitize=$(SANITIZE)
endif
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null)
CPPFLAGS := -std=c11 -D_GNU_SOURCE -DDUPGATE_VERSION='"$(VERSION)"' -I. -MMD -MP
CFLAGS := $(OPTIMIZE) $(WARNINGS) $(HARDENING) -pthread
LDFLAGS := $(LINK_HARDENING) $(LINK_SANITIZE) -pthread

sources = $(sort $(wildcard $(1)/*.c) $(wildcard $(1)/*/*.c) $(wildcard $(1)/*/*/*.c))
objects = $(patsubst %,$(BUILD)/%.o,$(basename $(call sources,$(1))))

LIBS := $(foreach room,api daemon firmware-cache transport,$(BUILD)/lib$(room).a)
PROGRAMS := $(BUILD)/dupgated $(BUILD)/dupctl $(BUILD)/dupgate-sim
UNIT_SOURCES := $(wildcard tests/unit/*_test.c)
UNIT_HELPERS := $(filter-out $(UNIT_SOURCES),$(wildcard tests/unit/*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_SOURCES))
MAN_PAGES := $(wildcard cmd/*/*.[1-8] tests/simulator/*.[1-8])
C_FILES = $(shell find cmd daemon api transport firmware-cache tests -name '*.[ch]')
JOBS ?= $(shell nproc)
# A fuzz harness is one decoder; its corpus is played by NAME_corpus_test.
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
CORPUS_TESTS := $(patsubst %,$(BUILD)/tests/%_corpus_test,$(FUZZERS))
FUZZ_S ?= 60
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))

all: $(PROGRAMS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -c -o $@ $<

define library
$(BUILD)/lib$(1).a: $(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(AR) rcs $$@ $$^
endef
$(foreach room,api daemon firmware-cache transport,$(eval $(call library,$(room))))

# The api serves the file that is the contract: it is embedded as it is.
$(BUILD)/api/openapi_file.o: openapi.yaml

$(BUILD)/dupgated: $(call objects,cmd/dupgated) $(LIBS)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
# The daemon with a clock that skips most of every silence: for tests of long patience.
$(BUILD)/dupgated-hasty: $(call objects,cmd/dupgated) $(BUILD)/tests/integration/hasty_clock.o $(LIBS)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
# The daemon that dies at a chosen moment, knows what a power loss would leave, and whose clock can be set: for tests of what survives.
MORTAL := sqlite3_exec event_publish_job pthread_create MHD_queue_response clock_gettime time timerfd_settime store_campaign_save \
	event_publish_campaign store_job_insert
MORTAL_PARTS := mortal mortal_disk mortal_clock
$(BUILD)/dupgated-mortal: $(call objects,cmd/dupgated) $(MORTAL_PARTS:%=$(BUILD)/tests/integration/%.o) $(LIBS)
	$(CC) $(LDFLAGS) $(MORTAL:%=-Wl,--wrap=%) -o $@ $^ $(PKG_LIBS)
# The downloads without a daemon, for tests against servers that misbehave.
$(BUILD)/tests/download_driver: $(BUILD)/tests/integration/download_driver.o $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
# What umockdev's testbed lacks of a serial port; loaded into programs of every build, so that it is itself never instrumented.
$(BUILD)/tests/usb_tty.so: tests/integration/usb_tty.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -O2 -g $(WARNINGS) -fPIC -shared -o $@ $<
# A driver that hangs, likewise.
$(BUILD)/tests/stuck_driver.so: tests/integration/stuck_driver.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -O2 -g $(WARNINGS) -fPIC -shared -o $@ $<
# Modem lines for the ptys of a server, likewise.
$(BUILD)/tests/modem_lines.so: tests/integration/modem_lines.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -O2 -g $(WARNINGS) -fPIC -shared -o $@ $<
# dupctl's own objects but main.o, so that its tests can link them.
$(BUILD)/libdupctl.a: $(filter-out %/main.o,$(call objects,cmd/dupctl))
	@rm -f $@
	$(AR) rcs $@ $^
$(BUILD)/dupctl: $(BUILD)/cmd/dupctl/main.o $(BUILD)/libdupctl.a $(BUILD)/libfirmware-cache.a
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(BUILD)/dupgate-sim: $(call objects,tests/simulator)
	$(CC) $(LDFLAGS) -o $@ $^ -lz -ljansson
$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(patsubst %.c,$(BUILD)/%.o,$(UNIT_HELPERS)) $(BUILD)/libdupctl.a $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(PKG_LIBS)
$(BUILD)/tests/%_corpus_test: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay.o $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)
$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# What is built by default when packages are missing would fail in the middle: these two targets install them first.
deps:
	@.ci/install-packages $(DEPS)
lint-deps:
	@.ci/install-packages $(DEPS) $(DEPS_LINT)

demo: deps
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@BUILD=$(BUILD) tests/integration/demo.sh

test: deps
	@$(MAKE) --no-print-directory -j$(JOBS) tests-built
	@$(PYTHON) tests/run.py --build $(BUILD)

test-matrix: deps
	@$(MAKE) --no-print-directory -j$(JOBS) tests-built
	@DUPGATE_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/integration/fault_matrix.py

test-kill: deps
	@$(MAKE) --no-print-directory -j$(JOBS) tests-built
	@DUPGATE_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/integration/kill_points.py

bench: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all $(BENCHES) $(BUILD)/dupgated-hasty $(BUILD)/tests/usb_tty.so
	@tests/bench/run.sh $(BUILD)

lint: lint-deps
	@$(PYTHON) .ci/lint.py
	@clang-format --dry-run --Werror $(C_FILES)
	@for page in $(MAN_PAGES); do \
		warnings=$$(MANROFFSEQ= man --warnings -E UTF-8 -l -Tutf8 -Z $$page 2>&1 >/dev/null); \
		test -z "$$warnings" || { echo "$$page: $$warnings"; exit 1; }; done

# The sanitizer lanes: the same tests, built by clang, so that its warnings count as well.
asan: lint-deps
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-asan CC=clang SANITIZE=address,undefined tests-built
	@ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 \
		$(PYTHON) tests/run.py --build build-asan
tsan: lint-deps
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-tsan CC=clang SANITIZE=thread tests-built
	@TSAN_OPTIONS=suppressions=$(CURDIR)/.ci/tsan.supp:second_deadlock_stack=1 $(PYTHON) tests/run.py --build build-tsan

# What a harness finds is kept beside its build; what is worth keeping for ever goes to tests/fuzz/corpus/ by hand.
fuzz: lint-deps
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined \
		$(FUZZERS:%=build-fuzz/fuzz/%)
	@for name in $(FUZZERS); do \
		mkdir -p build-fuzz/found/$$name; \
		build-fuzz/fuzz/$$name -max_total_time=$(FUZZ_S) -max_len=4096 -print_final_stats=1 -artifact_prefix=build-fuzz/$$name- \
			build-fuzz/found/$$name tests/fuzz/corpus/$$name >build-fuzz/$$name.log 2>&1 || \
			{ tail -40 build-fuzz/$$name.log; exit 1; }; \
		echo "$$name: $$(sed -n 's/stat::number_of_executed_units: //p' build-fuzz/$$name.log) inputs in $(FUZZ_S) s, no law broken"; done

install: all
	install -D -m 0755 $(BUILD)/dupgated $(DESTDIR)$(PREFIX)/sbin/dupgated
	install -D -m 0755 $(BUILD)/dupctl $(DESTDIR)$(PREFIX)/bin/dupctl
	install -D -m 0755 $(BUILD)/dupgate-sim $(DESTDIR)$(PREFIX)/bin/dupgate-sim
	install -D -m 0644 systemd/dupgated.service $(DESTDIR)/lib/systemd/system/dupgated.service
	install -D -m 0644 systemd/dupgate.sysusers $(DESTDIR)/usr/lib/sysusers.d/dupgate.conf
	install -D -m 0644 systemd/dupgate.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/dupgate.conf
	install -D -m 0644 systemd/78-dupgate.rules $(DESTDIR)/lib/udev/rules.d/78-dupgate.rules
	test -e $(DESTDIR)/etc/dupgate/dupgate.conf || \
		install -D -m 0644 systemd/dupgate.conf $(DESTDIR)/etc/dupgate/dupgate.conf
	install -d -m 0755 $(DESTDIR)/etc/dupgate/keys
	$(foreach page,$(MAN_PAGES),install -D -m 0644 $(page) $(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page));)
	install -D -m 0644 README.md $(DESTDIR)$(PREFIX)/share/doc/dupgate/README.md
	install -D -m 0644 openapi.yaml $(DESTDIR)$(PREFIX)/share/doc/dupgate/openapi.yaml
	install -D -m 0644 systemd/usb-power.conf $(DESTDIR)$(PREFIX)/share/doc/dupgate/examples/usb-power.conf
	install -D -m 0644 systemd/79-dupgate-power.rules $(DESTDIR)$(PREFIX)/share/doc/dupgate/examples/79-dupgate-power.rules
	install -D -m 0644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/dupgate/copyright

unit: $(UNIT_TESTS)
tests-built: all $(UNIT_TESTS) $(CORPUS_TESTS) $(BUILD)/dupgated-hasty $(BUILD)/dupgated-mortal $(BUILD)/tests/download_driver $(BUILD)/tests/usb_tty.so $(BUILD)/tests/stuck_driver.so \
	$(BUILD)/tests/modem_lines.so

help:
	@echo 'make            build dupgated, dupctl and dupgate-sim into $(BUILD)/'
	@echo 'make demo       install what is missing, build, upgrade a simulated fleet of 8 modems'
	@echo 'make test       install what is missing, build, run every test'
	@echo 'make test-matrix  every fault in every phase on every kind of modem'
	@echo 'make test-kill  the daemon killed, and its power lost, at every transition of a job and a campaign, and at random moments of eight upgrades'
	@echo 'make bench      measure transfers, fleets, the firmware cache and the queue'
	@echo 'make lint       include directions, third-party fences, sizes, format, man pages'
	@echo 'make asan tsan  the tests under the sanitizers'
	@echo 'make fuzz       every decoder for FUZZ_S=60 seconds'
	@echo 'make deps       install the Debian packages that are missing'
	@echo 'make install    copy everything under DESTDIR= where Debian expects it'
	@echo 'make clean      remove $(BUILD)/'

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')

clean:
	rm -rf $(BUILD)

.PHONY: all deps lint-deps demo test test-matrix test-kill bench lint asan tsan fuzz install unit tests-built help clean
.SECONDARY:
