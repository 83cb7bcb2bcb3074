# SPDX-License-Identifier: BSD-2-Clause
#
# Usage (GNU make):
#
#   make              build/peerdistfs and build/peerdist; needs no root, says which packages miss
#   make check        everything that must pass; as root it first installs what it needs
#   make demo         a whole life of a mount on this machine, and two machines on a LAN; with
#                     HOSTED=1 a hosted cache and three machines, too
#   make bench        the table of speeds; ROWS="..." for some of them, BENCH_SCALE=0.1 for quick;
#                     all of it takes half an hour or more
#   make fuzz         every fuzz target, FUZZ_RUNS (1000000) inputs or FUZZ_SECONDS each; then ten
#                     minutes of noise for the control file
#   make lint         style, layout, clang-format, clang and shellcheck without warnings
#   make format       clang-format over all of it
#   make deps         as root: installs the Debian packages that are missing (tests/deps has them)
#   make install      to PREFIX (/usr/local) below DESTDIR, and mount(8)'s helper to
#                     MOUNT_HELPER_DIR (/sbin), outside of which mount(8) does not look
#   make uninstall    takes away what install put there
#   make clean        removes build/
#   make help         this text
#
# For working on it:
#
#   make unit         unit tests and corpora only     TESTS='tests/integration/x.sh' some tests
#   make integration  integration tests only
#
# Variables: CC=gcc|clang  CFLAGS  CPPFLAGS  LDFLAGS  V=1 (show commands)  B=DIR (objects, default
# build)  SANITIZE=address,undefined|thread (built beside the plain ones, in a folder of its own)

VERSION = 0.1.0
PREFIX ?= /usr/local
MOUNT_HELPER_DIR ?= /sbin
B ?= build
CFLAGS ?= -O2 -g
FUZZ_RUNS ?= 1000000
CONTROL_RANDOM_SECONDS ?= 600
ROWS ?=
OBJCOPY ?= objcopy

comma := ,
O := $(B)$(if $(SANITIZE),/$(subst $(comma),+,$(SANITIZE)))
Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)	$(2)';)
MAKEFLAGS += --no-print-directory --no-builtin-rules

modules := fuse3 libcurl libssl libcrypto libxxhash libevent libevent_pthreads libevent_openssl \
	sqlite3 expat libxml-2.0 jansson
package_cflags := $(shell pkg-config --cflags $(modules) 2>/dev/null)
package_libs := $(shell pkg-config --libs $(modules) 2>/dev/null)

warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
sanitize := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer)
compile = $(CC) -std=gnu11 $(warnings) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-DPEERDISTFS_VERSION='"$(VERSION)"' -I. -pthread $(package_cflags) $(sanitize) \
	$(CPPFLAGS) $(CFLAGS)
link = $(CC) -pthread $(sanitize) $(CFLAGS) -Wl,--as-needed $(LDFLAGS)

mains := fs/main.c $(wildcard fs/cli_*.c)
sources := $(filter-out $(mains),$(wildcard fs/*.c fs/service/*.c peer/*.c origin/*.c cache/*.c))
archive := $(O)/libpeerdistfs.a
programs := $(O)/peerdistfs $(O)/peerdist
# The library for C programs; it needs nothing of ours and nothing but libc.
library_sources := $(wildcard fs/api/*.c)
library_objects := $(library_sources:%.c=$(O)/%.o)
soname := libpeerdist.so.1
library := $(O)/libpeerdist.a
shared := $(O)/libpeerdist.so
unit_sources := $(wildcard tests/unit/test_*.c)
unit_shared := $(filter-out $(unit_sources),$(wildcard tests/unit/*.c))
units := $(unit_sources:%.c=$(O)/%)
# In the others ThreadSanitizer would find nothing, or nothing that it does not find elsewhere, slowly.
threadless := content_slice content_build publisher_ranges listing package_hostile \
	seeker_sides seeker_hosted seeker_places \
	store_faults store_content_faults store_content_altered store_opaque_faults store_opaque_room \
	store_limit store_tags publisher_keep
threaded_units := $(patsubst %.c,$(O)/%,$(filter-out $(threadless:%=\%/test_%.c),$(shell grep -lE \
	'pthread_|thread|pool_|loop_|store|crew|scene|content_build' $(unit_sources))))
tool_sources := $(wildcard tests/*.c tests/bench/*.c tests/integration/*.c)
tools := $(tool_sources:%.c=$(O)/%)
# Rows of the API's cases, by the library alone; scripts of tests/integration run them.
api_sources := $(wildcard tests/api/test_*.c)
api_shared := $(filter-out $(api_sources),$(wildcard tests/api/*.c))
api_programs := $(api_sources:%.c=$(O)/%)
fuzz_sources := $(wildcard tests/fuzz/fuzz_*.c)
fuzzers := $(fuzz_sources:%.c=$(O)/%)
replays := $(fuzz_sources:tests/fuzz/fuzz_%.c=$(O)/tests/fuzz/replay_%)
replay_commands := $(foreach r,$(replays),'$(r) tests/corpus/$(patsubst replay_%,%,$(notdir $(r)))')
all_sources := $(sources) $(library_sources) $(mains) $(unit_sources) $(unit_shared) $(tool_sources) $(fuzz_sources) \
	$(api_sources) $(api_shared) tests/fuzz/replay.c
integration := $(filter-out %/lib.sh,$(wildcard tests/integration/*.sh))
TESTS ?= $(integration)

.PHONY: all check demo bench fuzz lint format deps install uninstall clean help
.PHONY: unit integration tools unit-programs fuzz-programs objects require force
.SECONDARY:

all: $(programs) $(library) $(shared)

# Compilation -------------------------------------------------------------------------------------

# Fails before anything is compiled; one line that can be pasted.
require:
	@missing=$$(tests/deps missing build) || { \
		echo "Missing packages. On Debian, as root: make deps, or" >&2; \
		echo "  apt-get install" $$missing >&2; exit 1; }

# Changes only when the command does, and everything is compiled anew then.
$(O)/flags: force | require
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(compile) / $(link) / $(package_libs))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(compile) / $(link) / $(package_libs))' >$@

$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(compile) -MMD -MP -c -o $@ $<

$(library_objects): override CFLAGS += -fPIC -fvisibility=hidden
$(archive): $(sources:%.c=$(O)/%.o)
$(archive):
	@rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $^
# One object, in which only what is exported has a name, so that no program's own names meet ours.
# What concerns loading is the other library's (fs/api/stay.c).
$(library): $(filter-out %/fs/api/stay.o,$(library_objects))
	@rm -f $@
	$(call say,AR,$@)$(CC) -r -nostdlib -o $(@:.a=.o) $^ && \
		$(OBJCOPY) --localize-hidden $(@:.a=.o) && $(AR) rcs $@ $(@:.a=.o)
# A program's own SetLastError(), say, is not what the library calls.
$(shared): $(library_objects)
	$(call say,LD,$@)$(link) -shared -Wl,-soname,$(soname) -Wl,-z,defs \
		-Wl,-Bsymbolic-functions -o $@ $^
	@ln -sf $(@F) $(O)/$(soname)

$(O)/peerdistfs: $(O)/fs/main.o $(archive)
$(O)/peerdist: $(patsubst %.c,$(O)/%.o,$(wildcard fs/cli_*.c)) $(archive) $(library)
$(units): $(O)/%: $(O)/%.o $(unit_shared:%.c=$(O)/%.o) $(archive) $(library_objects)
$(tools): $(O)/%: $(O)/%.o
$(addprefix $(O)/tests/bench/,content opaque retrieval_client retrieval_server simulation): $(archive)
$(O)/tests/bench/api: $(archive) $(library)
$(api_programs): $(O)/%: $(O)/%.o $(api_shared:%.c=$(O)/%.o) $(library)
	$(call say,LD,$@)$(link) -o $@ $^
$(O)/tests/fuzz/replay_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay.o $(archive)
	$(call say,LD,$@)$(link) -o $@ $^ $(package_libs)
$(O)/tests/fuzz/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(archive)
	$(call say,LD,$@)$(link) -fsanitize=fuzzer -o $@ $^ $(package_libs)
$(units): test_libs = $(shell pkg-config --libs cmocka)
$(programs) $(units) $(tools):
	$(call say,LD,$@)$(link) -o $@ $^ $(test_libs) $(package_libs)

objects: $(all_sources:%.c=$(O)/%.o)
tools: $(tools) $(api_programs)
# Rows that scripts run with a sanitizer, where there is such a program.
checked_api := $(if $(filter thread,$(SANITIZE)),test_threads,$(if $(SANITIZE),test_completion))
unit-programs: $(if $(filter thread,$(SANITIZE)),$(threaded_units),$(units) $(replays)) \
	$(checked_api:%=$(O)/tests/api/%)
fuzz-programs: $(fuzzers)

-include $(all_sources:%.c=$(O)/%.d)

# Tests -------------------------------------------------------------------------------------------

run := tests/run
plain := $(MAKE) SANITIZE=
# Hundreds of programs are linked that are run once: quickly, and with as much as a report shows.
quick_linker := $(if $(shell command -v ld.lld),-fuse-ld=lld -Wl$(comma)--threads=1,$(if $(shell \
	command -v ld.gold),-fuse-ld=gold))
once := CFLAGS='-O1 -g1' $(if $(quick_linker),LDFLAGS='$(quick_linker)')
with_asan := $(MAKE) SANITIZE=address,undefined $(once)
with_tsan := $(MAKE) SANITIZE=thread $(once)
asan_units := $(unit_sources:%.c=$(B)/address+undefined/%)
tsan_units := $(patsubst $(O)/%,$(B)/thread/%,$(threaded_units))
asan_replays := $(subst $(O)/,$(B)/address+undefined/,$(replay_commands))
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

check:
	@if [ "$$(id -u)" = 0 ]; then tests/deps install build test; \
		else tests/deps missing test | sed 's/^/not installed, so some tests cannot be: /'; fi
	@{ $(plain) $(jobs) -Oline all tools && \
		$(with_asan) $(jobs) -Oline unit-programs && \
		$(with_tsan) $(jobs) -Oline unit-programs; } || \
		{ echo 'FAILED: the build'; echo '0 passed, 1 failed, 0 skipped'; exit 1; }
	@$(run) --build $(B) tests/lint $(asan_units) $(asan_replays) $(tsan_units) \
		$(integration)

unit: unit-programs
	@$(run) --build $(O) $(units) $(replay_commands)

integration: all tools
	@$(run) --build $(O) $(TESTS)

demo:
	@tests/demo.sh

bench:
	@if [ "$$(id -u)" = 0 ]; then tests/deps install build test bench; fi
	@$(plain) $(jobs) all tools
	@tests/bench/run.sh $(ROWS)

fuzz:
	@if [ "$$(id -u)" = 0 ]; then tests/deps install build test; fi
	@$(MAKE) $(jobs) CC=clang SANITIZE=fuzzer-no-link,address,undefined CFLAGS='-O1 -g' \
		fuzz-programs
	@tests/fuzz/run.sh $(B)/fuzzer-no-link+address+undefined/tests/fuzz '$(FUZZ_RUNS)' \
		'$(FUZZ_SECONDS)'
	@$(with_asan) $(jobs) all
	@CONTROL_RANDOM_SECONDS=$(CONTROL_RANDOM_SECONDS) CONTROL_RANDOM_SEED=$$(date +%s) $(run) \
		--build $(B)/address+undefined tests/integration/control_random.sh

lint:
	@$(MAKE) $(jobs) B=$(B)/clang CC=clang CFLAGS='-O1 -Werror' objects
	@$(run) --build $(B) tests/lint

formatted = $(wildcard $(foreach d,fs fs/api fs/service peer origin cache tests tests/unit tests/fuzz tests/bench \
	tests/integration tests/api tests/examples fs/api/shim,$(d)/*.[ch]))
format:
	clang-format -i $(formatted)

deps:
	@tests/deps install build test bench

# Installation ------------------------------------------------------------------------------------

bindir := $(DESTDIR)$(PREFIX)/bin
libdir := $(DESTDIR)$(PREFIX)/lib
includedir := $(DESTDIR)$(PREFIX)/include/peerdist
package := $(libdir)/pkgconfig/peerdist.pc
helper := $(DESTDIR)$(MOUNT_HELPER_DIR)/mount.peerdistfs
mandir := $(DESTDIR)$(PREFIX)/share/man
pages := $(wildcard fs/*.1 fs/*.7 fs/*.8 fs/api/*.3 fs/api/*.4)
installed_pages := $(foreach p,$(pages),$(mandir)/man$(subst .,,$(suffix $(p)))/$(notdir $(p)))
headers := fs/api/peerdist.h $(wildcard fs/api/shim/*.h)
# Where the loader looks by itself; elsewhere programs are told where the library is.
loader_prefixes := /usr /usr/local
rpath := $(if $(filter $(loader_prefixes),$(PREFIX)),,-Wl$(comma)-rpath$(comma)$${libdir})
installed_headers := $(addprefix $(includedir)/,$(notdir $(headers)) control.h)

install: all
	install -d $(bindir) $(dir $(helper)) $(libdir)/pkgconfig $(includedir)
	install -m 755 $(programs) $(bindir)
	ln -sf $(PREFIX)/bin/peerdistfs $(helper)
	install -m 644 $(headers) $(includedir)
	install -m 644 fs/api/wire.h $(includedir)/control.h
	install -m 644 $(library) $(libdir)
	install -m 755 $(shared) $(libdir)/$(soname)
	ln -sf $(soname) $(libdir)/$(notdir $(shared))
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@RPATH@|$(rpath)|' \
		fs/api/peerdist.pc.in >$(package)
	chmod 644 $(package)
	@set -e; for page in $(pages); do \
		install -D -m 644 $$page $(mandir)/man$${page##*.}/$${page##*/}; done
	@if [ -z '$(DESTDIR)' ] && [ -n '$(filter $(loader_prefixes),$(PREFIX))' ]; then \
		ldconfig 2>/dev/null || :; fi

uninstall:
	rm -f $(bindir)/peerdistfs $(bindir)/peerdist $(helper) $(installed_pages)
	rm -f $(installed_headers) $(package)
	rm -f $(libdir)/$(notdir $(library)) $(libdir)/$(soname) $(libdir)/$(notdir $(shared))
	@rmdir $(includedir) 2>/dev/null || :

clean:
	rm -rf $(B)

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile
