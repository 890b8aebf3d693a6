# Everything is built into build/<variant>/; the source tree stays clean.
#
#   make                   library and tools
#   make conformance       the suite against a derpd that it starts itself
#   make test              unit tests, tool tests, fuzz seeds
#   make interop           the suite against the Go reference (both versions)
#   make mutants           deliberate faults: does the suite catch them?
#   make fuzz              libFuzzer and AFL++, FUZZ_SECONDS each
#   make corpus            fuzz seeds from the scenarios and the captures
#   make captures          sample captures, taken anew from the Go reference
#   make VARIANT=asan test      address and undefined behaviour sanitizers
#   make VARIANT=cov coverage   line coverage, with the floor of codec
#   make install DESTDIR=DIR PREFIX=/usr       make uninstall
#   make install-wireshark      the dissector, for you (docs/wireshark.md)
#   make deps | deps-fuzz | deps-interop | deps-report | deps-wireshark
#                               what each needs
#   make lint              formatting, man pages          V=1  show commands
#
# CC, AR, CFLAGS, LDFLAGS, PREFIX and friends are yours; what the project
# needs is added after them, never instead of them.

VERSION  := $(shell sed -n 's/^\#define DERP_VERSION_NUM 0x\(..\)\(..\)\(..\).*/\1.\2.\3/p' codec/derp.h | sed 's/^0//;s/\.0/./g')

VARIANT  ?= release
O        ?= build
B        := $(O)/$(VARIANT)
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
LIBDIR   ?= $(PREFIX)/lib
INCDIR   ?= $(PREFIX)/include
MANDIR   ?= $(PREFIX)/share/man
INSTALL  ?= install
WIRESHARK_PLUGINS ?= $(HOME)/.local/lib/wireshark/plugins

# Variants.  msan, fuzz and afl exist in clang only; CC from the command line
# or the environment wins.
CC.msan  := clang
CC.fuzz  := clang
CC.afl   := afl-clang-fast
ifeq ($(origin CC),default)
CC       := $(or $(CC.$(VARIANT)),cc)
endif

CFLAGS   ?= -O2 -g
STD      := -std=c11 -D_POSIX_C_SOURCE=200809L
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wvla \
	    -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual \
	    -Wwrite-strings -Wpointer-arith -Wformat=2
ifeq ($(WERROR),1)
WARN     += -Werror
endif

SAN             := -fsanitize=address,undefined -fno-sanitize-recover=all \
		   -fno-omit-frame-pointer
VFLAGS.release  := -fstack-protector-strong
VFLAGS.asan     := -O1 $(SAN)
VFLAGS.msan     := -O1 -fsanitize=memory -fno-omit-frame-pointer
VFLAGS.cov      := -O0 --coverage
VFLAGS.fuzz     := -O1 -fsanitize=fuzzer-no-link $(SAN)
VFLAGS.afl      := -O2
ifeq ($(origin VFLAGS.$(VARIANT)),undefined)
$(error unknown VARIANT '$(VARIANT)': use one of $(patsubst VFLAGS.%,%,$(filter VFLAGS.%,$(.VARIABLES))))
endif

SODIUM_LIBS ?= -lsodium
PCAP_LIBS   ?= -lpcap
EV_LIBS     ?= -lev
CMOCKA_LIBS ?= -lcmocka
YAJL_LIBS   ?= -lyajl
SSL_LIBS    ?= -lssl -lcrypto
LIBS         = $(PCAP_LIBS) $(EV_LIBS) $(SSL_LIBS) $(SODIUM_LIBS) -lm

# Arrows point down only: a folder sees the headers of those below it.
SEES.codec            := codec
SEES.util             := util codec
SEES.transport        := transport util codec
SEES.capture          := capture util codec
SEES.reference-server := reference-server transport util codec
SEES.reference-client := reference-client transport util codec
SEES.conformance      := conformance capture transport util codec
SEES.fuzz             := fuzz conformance capture reference-server transport util codec
folders := codec util transport capture reference-server reference-client conformance fuzz

ALL_CFLAGS  = $(STD) $(CFLAGS) $(WARN) $(VFLAGS.$(VARIANT)) -fPIC -MMD -MP
ALL_LDFLAGS = $(VFLAGS.$(VARIANT)) $(LDFLAGS)
top         = $(firstword $(subst /, ,$(patsubst $(B)/%,%,$(1))))
# Tests live beside what they test and see what it sees.
includes    = $(addprefix -I,$(SEES.$(call top,$@)))

ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2);
endif

# A folder is a library; a tool is its main file on the libraries below.
MAINS := reference-server/derpd.c reference-client/derpcat.c \
	 capture/derpdump.c conformance/derpspec.c
sources = $(filter-out $(MAINS),$(sort $(wildcard $(1)/*.c)))
objects = $(patsubst %.c,$(B)/%.o,$(call sources,$(1)))
library = $(B)/lib$(if $(filter codec,$(1)),derp,$(1)).a
linked  = $(foreach f,$(1),$(call library,$(f)))

tools    := $(foreach m,$(wildcard $(MAINS)),$(B)/$(basename $(notdir $(m))))
tests    := $(patsubst %.c,$(B)/%,$(sort $(wildcard */tests/test_*.c)))
scripts  := $(sort $(wildcard */tests/test_*.sh))
fuzzers  := $(patsubst %.c,$(B)/%,$(sort $(wildcard fuzz/fuzz_*.c)))
runners  := $(fuzzers:%=%.run)
# The libraries of the tools know nothing of the memory sanitizer, and would be
# taken for liars; the codec tells it about libsodium in one place.
ifeq ($(VARIANT),msan)
tests    := $(filter $(B)/codec/%,$(tests))
scripts  :=
runners  := $(filter %/fuzz_reader.run %/fuzz_views.run,$(runners))
endif
mans     := $(sort $(wildcard docs/*.[1-8]))
headers  := $(sort $(wildcard codec/derp*.h))
cases    := $(sort $(wildcard conformance/cases/*.derp))

all: $(call library,codec) $(tools)

# What is missing is installed for the two commands of the README, and named
# for every other goal.
deps.mode := $(if $(filter test check conformance deps,$(MAKECMDGOALS)),install,check)
$(O)/deps/base: util/deps.sh
	@mkdir -p $(@D)
	@sh util/deps.sh $(deps.mode) base && touch $@
deps:
	@sh util/deps.sh install base
deps-fuzz deps-interop deps-report deps-wireshark: deps-%:
	@sh util/deps.sh install $*

# A change of flags rebuilds; the stamp's time moves only when its text does.
stamp = @mkdir -p $(@D); printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' > $@
$(B)/flags: FORCE
	$(call stamp,$(CC) $(AR) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBS) $(CMOCKA_LIBS) $(YAJL_LIBS))

$(B)/%.o: %.c $(B)/flags | $(O)/deps/base
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(includes) -c -o $@ $<
$(B)/capture/%.o $(B)/transport/%.o: STD += -D_DEFAULT_SOURCE

# The list of its objects is a prerequisite too: a deleted source leaves the
# archive.
define library_rules
$(B)/objects.$(1): FORCE
	$$(call stamp,$(call objects,$(1)))
$(call library,$(1)): $(call objects,$(1)) $(B)/objects.$(1)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach f,$(filter-out fuzz,$(folders)),$(eval $(call library_rules,$(f))))

# Scenarios and the specification are part of derpspec.
$(B)/objects.embedded: FORCE
	$(call stamp,$(cases))
$(B)/conformance/embedded.c: util/embed.sh $(cases) docs/protocol.md $(B)/objects.embedded
	@mkdir -p $(@D)
	$(call say,EMBED,$@)
	$(Q)sh util/embed.sh $(cases) docs/protocol.md > $@
$(B)/conformance/embedded.o: $(B)/conformance/embedded.c $(B)/flags
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Iconformance -c -o $@ $<

link = $(call say,LD,$@) $(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)
ifeq ($(V),1)
link = $(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)
endif

$(B)/derpd: $(B)/reference-server/derpd.o $(call linked,reference-server transport util codec)
	$(link) $(LIBS)
$(B)/derpcat: $(B)/reference-client/derpcat.o $(call linked,reference-client transport util codec)
	$(link) $(LIBS)
$(B)/derpdump: $(B)/capture/derpdump.o $(call linked,capture util codec)
	$(link) $(LIBS)
$(B)/derpspec: $(B)/conformance/derpspec.o $(B)/conformance/embedded.o $(call linked,conformance capture transport util codec)
	$(link) $(LIBS)

# The proxy that breaks rules on purpose.
faulty.o := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard conformance/mutants/*.c)))
$(B)/faulty: $(faulty.o) $(call linked,transport util codec)
	$(link) $(LIBS)

# A test links what its folder sees, and no more.
define test_rules
$(filter $(B)/$(1)/%,$(tests)): $(B)/%: $(B)/%.o $(if $(filter conformance,$(1)),$(B)/conformance/embedded.o) $(call linked,$(SEES.$(1)))
	$$(link) $(CMOCKA_LIBS) $(YAJL_LIBS) $(LIBS)
endef
$(foreach f,$(filter-out fuzz,$(folders)),$(if $(filter $(B)/$(f)/%,$(tests)),$(eval $(call test_rules,$(f)))))

# One fuzz source, three programs: with libFuzzer's main, with AFL++'s, or
# with ours, which runs each file that it is given once.
fuzzed := $(call linked,conformance capture util codec)
harness = $(addprefix $(B)/fuzz/fuzz_,$(1))
# Harnesses whose input is a stream of frames have a mutator that knows it.
ifeq ($(VARIANT),fuzz)
mutator := $(B)/fuzz/mutate.o $(B)/fuzz/mutate_libfuzzer.o
endif
$(call harness,reader views tcp print): $(mutator)
# Those on captures share what they check; some stand in for the system.
with = $(call harness,$(1) $(1:%=%.run)): $(2:%=$(B)/fuzz/%.o)
$(eval $(call with,pcap tcp,story))
$(eval $(call with,tcp print,wire))
$(eval $(call with,decode print,printed))
$(call harness,pcap pcap.run): wrap = -Wl,--wrap=read
$(call harness,decode decode.run print print.run): wrap = -Wl,--wrap=write
$(fuzzers): $(B)/%: $(B)/%.o $(fuzzed)
	$(link) $(wrap) -fsanitize=fuzzer $(YAJL_LIBS) $(LIBS)
$(runners): $(B)/%.run: $(B)/%.o $(B)/fuzz/runner.o $(fuzzed)
	$(link) $(wrap) $(YAJL_LIBS) $(LIBS)
# A fault on purpose, which both engines must find.
$(B)/fuzz/planted: $(B)/fuzz/fuzz_reader.o $(B)/fuzz/planted.o $(mutator) $(fuzzed)
	$(link) -Wl,--wrap=derp_reader_next -fsanitize=fuzzer $(LIBS)
fuzz-programs: $(fuzzers) $(B)/fuzz/planted
# The mutator for AFL++; built like a tool, since afl-fuzz itself loads it.
$(B)/fuzz/mutate.so: $(B)/fuzz/mutate.o $(B)/fuzz/mutate_afl.o $(call linked,codec)
	$(link) -shared
$(B)/fuzz/tests/test_mutate: $(B)/%: $(B)/%.o $(B)/fuzz/mutate.o $(call linked,codec)
	$(link) $(CMOCKA_LIBS)

test: all $(tests) $(runners)
	@B='$(B)' sh util/run-tests.sh $(tests) $(scripts) $(runners)
check: test

conformance: all
	@B='$(B)' sh conformance/run-local.sh $(DERPSPEC_FLAGS)

interop: all
	@sh util/deps.sh install interop
	@B='$(B)' O='$(O)' sh conformance/peers/interop.sh

mutants: all $(B)/faulty
	@B='$(B)' O='$(O)' sh conformance/mutants/run.sh

captures: all
	@sh util/deps.sh install interop
	@B='$(B)' O='$(O)' sh corpus/captures/make.sh

# The streams of a capture, as seeds.
$(B)/fuzz/seeds: $(B)/fuzz/seeds.o $(call linked,capture util codec)
	$(link) $(LIBS)
corpus: all $(B)/fuzz/seeds
	@O='$(O)' B='$(B)' MAKE='$(MAKE)' sh corpus/make.sh

fuzz:
	@sh util/deps.sh install fuzz
	@O='$(O)' MAKE='$(MAKE)' sh fuzz/fuzz.sh

coverage: test
	@B='$(B)' sh util/coverage.sh

$(B)/places: FORCE
	$(call stamp,$(PREFIX) $(LIBDIR) $(INCDIR))
$(B)/derp.pc: codec/derp.pc.in $(B)/places
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|g;s|@LIBDIR@|$(LIBDIR)|g;s|@INCDIR@|$(INCDIR)|g;s|@VERSION@|$(VERSION)|g' $< > $@

install: all $(B)/derp.pc
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCDIR) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 644 $(call library,codec) $(DESTDIR)$(LIBDIR)
	$(INSTALL) -m 644 $(B)/derp.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	$(INSTALL) -m 644 $(headers) $(DESTDIR)$(INCDIR)
	$(INSTALL) -m 755 $(tools) $(DESTDIR)$(BINDIR)
	$(foreach m,$(mans),$(INSTALL) -D -m 644 $(m) $(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m))$(newline))

install-wireshark:
	$(INSTALL) -D -m 644 capture/derp.lua "$(DESTDIR)$(WIRESHARK_PLUGINS)/derp.lua"
uninstall-wireshark:
	rm -f "$(DESTDIR)$(WIRESHARK_PLUGINS)/derp.lua"

uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/libderp.a $(DESTDIR)$(LIBDIR)/pkgconfig/derp.pc
	rm -f $(addprefix $(DESTDIR)$(INCDIR)/,$(notdir $(headers)))
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,$(basename $(notdir $(MAINS))))
	rm -f $(foreach m,$(mans),$(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m)))

lint:
	@sh util/deps.sh check report
	clang-format --dry-run -Werror $(sort $(wildcard */*.[ch] */tests/*.[ch]))
	$(if $(mans),mandoc -T lint -W warning $(mans))

clean:
	rm -rf $(O)

define newline


endef

FORCE:
.SECONDARY:
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all test check fuzz fuzz-programs conformance interop mutants captures \
	corpus coverage install uninstall lint clean deps deps-fuzz \
	deps-interop deps-report deps-wireshark install-wireshark \
	uninstall-wireshark FORCE

-include $(shell find $(B) -name '*.d' 2>/dev/null)
