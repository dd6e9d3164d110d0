# dupgate. `make help` lists the targets. Every .c file of a room is built; a new file needs no edit here.

VERSION := 0.1.0
BUILD ?= build
CC ?= gcc
PYTHON ?= /usr/bin/python3
PREFIX ?= /usr
SANITIZE ?=
COMPILER_IS_CLANG := $(shell $(CC) --version 2>/dev/null | grep -c clang)

# The Debian 12 packages that everything below needs, in the order of use. `make deps` installs those that are missing.
DEPS_BUILD := gcc make libc6-dev pkg-config libmicrohttpd-dev libjansson-dev libserialport-dev libcurl4-openssl-dev \
	libsqlite3-dev libudev-dev libsystemd-dev libsodium-dev libarchive-dev zlib1g-dev libinih-dev
DEPS_TEST := check curl python3 python3-yaml python3-jsonschema procps socat systemd udev
DEPS_LINT := clang clang-format clang-tidy libclang-rt-14-dev man-db
DEPS := $(DEPS_BUILD) $(DEPS_TEST)
PKGS := libmicrohttpd jansson libserialport libcurl sqlite3 libudev libsystemd libsodium zlib inih

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
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CHECK_LIBS = $(shell pkg-config --libs check 2>/dev/null)
CPPFLAGS := -std=c11 -D_GNU_SOURCE -DDUPGATE_VERSION='"$(VERSION)"' -I. -I$(BUILD)/generated -MMD -MP
CFLAGS := $(OPTIMIZE) $(WARNINGS) $(HARDENING) -pthread
LDFLAGS := $(LINK_HARDENING) $(LINK_SANITIZE) -pthread

sources = $(sort $(wildcard $(1)/*.c) $(wildcard $(1)/*/*.c) $(wildcard $(1)/*/*/*.c))
objects = $(patsubst %,$(BUILD)/%.o,$(basename $(call sources,$(1))))

LIBS := $(foreach room,api daemon firmware-cache transport,$(BUILD)/lib$(room).a)
PROGRAMS := $(BUILD)/dupgated $(BUILD)/dupctl $(BUILD)/dupgate-sim
UNIT_SOURCES := $(wildcard tests/unit/*_test.c)
UNIT_HELPERS := $(filter-out $(UNIT_SOURCES),$(wildcard tests/unit/*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_SOURCES))
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

$(BUILD)/dupgated: $(call objects,cmd/dupgated) $(LIBS)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(BUILD)/dupctl: $(call objects,cmd/dupctl) $(BUILD)/libfirmware-cache.a
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(BUILD)/dupgate-sim: $(call objects,tests/simulator)
	$(CC) $(LDFLAGS) -o $@ $^ -lz -ljansson
$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(patsubst %.c,$(BUILD)/%.o,$(UNIT_HELPERS)) $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(PKG_LIBS)
$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

unit: $(UNIT_TESTS)
tests-built: all $(UNIT_TESTS)

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')

clean:
	rm -rf $(BUILD)

.PHONY: all unit tests-built clean
.SECONDARY:
