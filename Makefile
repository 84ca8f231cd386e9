# cvtools: make, make check, make demo. The build finds its files by wildcard and needs no configure;
# everything it makes lies under $(BUILD). See README.md for the map of the house.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
BUILD   ?= build
CORES   := $(shell nproc 2>/dev/null || echo 1)
VERSION := 0.1.0

# ---- flags ----------------------------------------------------------------------------------------
WARN    := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	   -Wpointer-arith -Wcast-qual -Wformat=2 -Werror
OPT     ?= -O2 -g
SAN     ?=
CFLAGS  ?=
LDFLAGS ?=
ALL_CFLAGS  := -std=c11 -D_POSIX_C_SOURCE=200809L $(OPT) $(WARN) -fno-math-errno -pthread -MMD -MP \
	       $(SAN) $(CFLAGS)
ALL_LDFLAGS = -pthread -Wl,--as-needed $(SAN) $(LDFLAGS)
# The engine needs no library but libm and (at run time) OpenBLAS; the formats bring the others.
CORE_LIBS   := -lm -ldl
FORMAT_LIBS := -larchive -lpng -ljpeg -ljansson -lz

# ---- what there is --------------------------------------------------------------------------------
PROGRAMS  := $(patsubst cmd/%.c,%,$(wildcard cmd/cv-*.c))
SHARED_C  := $(filter-out $(wildcard cmd/cv-*.c),$(wildcard cmd/*.c cmd/*/*.c))
SIMD_C    := $(wildcard libcore/simd/*.c)
CORE_C    := $(filter-out $(SIMD_C),$(wildcard libcore/*.c libcore/*/*.c))
FORMATS_C := $(wildcard formats/*.c)
ARCHS     := $(sort $(wildcard libcore/arch/*.arch))
UNIT_C    := $(wildcard tests/unit/*.c)
FUZZ_C    := $(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))
BENCH_C   := $(wildcard tests/bench/*.c)
MAN       := $(wildcard cmd/*.1 formats/*.5 libcore/*.5 libcore/arch/*.5 cmd/*.7)

OBJ        = $(BUILD)/obj
CORE_O    := $(CORE_C:%.c=$(OBJ)/%.o) $(OBJ)/gen/zoo.o
# One source, three machines: every kernel is compiled for each and chosen at run time (simd.h). AMX
# has its own way for what SIMD_AMX names; its other kernels are those of avx512.
ifeq ($(shell uname -m),x86_64)
ISAS      := portable avx2 avx512 amx
else
ISAS      := portable
endif
ISA_portable := -DSIMD_ISA=portable -DSIMD_WIDTH=4
ISA_avx2     := -DSIMD_ISA=avx2 -DSIMD_WIDTH=8 -mavx2 -mfma
AVX512       := -DSIMD_WIDTH=16 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512
ISA_avx512   := -DSIMD_ISA=avx512 $(AVX512)
ISA_amx      := -DSIMD_ISA=amx -DSIMD_BASE=avx512 $(AVX512) -mavx512bf16 -mamx-tile -mamx-bf16
SIMD_AMX  := bf16 bf16_tiles table
SIMD_O    := $(foreach isa,$(filter-out amx,$(ISAS)),$(SIMD_C:%.c=$(OBJ)/%.$(isa).o)) \
		$(if $(filter amx,$(ISAS)),$(SIMD_AMX:%=$(OBJ)/libcore/simd/%.amx.o))
FORMATS_O := $(FORMATS_C:%.c=$(OBJ)/%.o)
SHARED_O  := $(SHARED_C:%.c=$(OBJ)/%.o)
BINS      := $(PROGRAMS:%=$(BUILD)/bin/%)
UNITS     := $(UNIT_C:tests/unit/%.c=$(BUILD)/unit/%) $(FUZZ_C:tests/fuzz/%.c=$(BUILD)/unit/replay_%)

.PHONY: all check check-built fuzz-built torture torture-malformed coverage coverage-built asan tsan fuzz lint bench demo deps install uninstall dist clean man
.SECONDARY:

all: $(BINS)

$(BUILD)/bin/%: $(OBJ)/cmd/%.o $(BUILD)/libcmd.a $(BUILD)/libformats.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(FORMAT_LIBS) $(CORE_LIBS)

$(BUILD)/libcore.a: $(CORE_O) $(SIMD_O)
	@rm -f $@
	@ar qcs $@ $^

$(BUILD)/libcmd.a: $(SHARED_O)
	@rm -f $@
	@ar qcs $@ $^

$(BUILD)/libformats.a: $(FORMATS_O)
	@rm -f $@
	@ar qcs $@ $^

$(OBJ)/%.o: %.c | $(BUILD)/.flags
	@mkdir -p $(@D)
	@echo CC $<
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

define simd_rule
$(OBJ)/libcore/simd/%.$(1).o: libcore/simd/%.c | $(BUILD)/.flags
	@mkdir -p $$(@D)
	@echo CC $$< $(1)
	@$(CC) $(ALL_CFLAGS) -O3 $$(CONTRACT) $(ISA_$(1)) -c -o $$@ $$<
endef
CONTRACT  := -ffp-contract=fast
# Bytes are held to Pillow's, which rounds each product; distances are the same everywhere, and equal rows
# equally far.
$(foreach k,colour exact nearest,$(ISAS:%=$(OBJ)/libcore/simd/$(k).%.o)): CONTRACT := -ffp-contract=off
$(foreach isa,$(ISAS),$(eval $(call simd_rule,$(isa))))

# The zoo: every text of libcore/arch becomes a string in the programs.
$(BUILD)/gen/zoo.c: $(ARCHS) libcore/arch/embed.sh
	@mkdir -p $(@D)
	@sh libcore/arch/embed.sh $(ARCHS) >$@.tmp && mv $@.tmp $@

$(OBJ)/gen/zoo.o: $(BUILD)/gen/zoo.c
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -Ilibcore -c -o $@ $<

# Objects made with other flags or another compiler are not reused.
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' >$@
FORCE:

-include $(shell [ -d $(BUILD) ] && find $(BUILD) -name '*.d')

# ---- tests ----------------------------------------------------------------------------------------
$(BUILD)/unit/%: $(OBJ)/tests/unit/%.o $(BUILD)/libcmd.a $(BUILD)/libformats.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(FORMAT_LIBS) $(CORE_LIBS)

# What fuzzing found, once more: a target of make fuzz on the files of tests/fuzz/corpus/TARGET.
$(BUILD)/unit/replay_%: $(OBJ)/tests/fuzz/%.o $(OBJ)/tests/fuzz/replay.o $(BUILD)/libcmd.a $(BUILD)/libformats.a \
		$(BUILD)/libcore.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(FORMAT_LIBS) $(CORE_LIBS)

# make check sets the machine up and runs everything; check-built only runs (make check-built
# ONLY=read.bats).
check: deps
	@$(MAKE) --no-print-directory PACKAGES='$(FURTHER_PACKAGES)' SUDO='sudo -n' deps || \
		echo 'go on without: tests of what is missing are skipped'
	@$(MAKE) --no-print-directory -j$(CORES) check-built

check-built: all man $(UNITS)
	BUILD=$(BUILD) sh tests/run.sh $(ONLY)

# use_sigaltstack=0: clang's, when a thread ends beside exit(), blames a stack of its own.
asan:
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:use_sigaltstack=0 $(MAKE) --no-print-directory \
		BUILD=$(BUILD)/asan OPT='-O1 -g -fno-omit-frame-pointer' \
		SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' TESTS=asan check-built

tsan:
	$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan OPT='-O1 -g' SAN='-fsanitize=thread' \
		TESTS=tsan ONLY='train.bats threads.bats ways.bats' check-built

# The loops that take long: every malformed file, every value of every option, every call and every
# allocation that can fail, trainings killed many times over. make check runs a sample of each. Two at a
# time: make -j2 torture.
TORTURES := faults options ways promises pipelines
torture: torture-malformed $(TORTURES:%=torture-%)
torture-malformed: $(UNITS)
	TORTURE=1 $(BUILD)/unit/malformed
	TORTURE=1 $(BUILD)/unit/png
$(TORTURES:%=torture-%): torture-%: all
	TORTURE=1 BUILD=$(BUILD) LOG=$(BUILD)/$@.log sh tests/run.sh $*.bats

# Which lines of the readers their tests reach, file by file (gcov), the worst first; fails when a
# reader of streams, models or images has less than 95 % (tests/coverage.sh).
READER_UNITS := arch arch_page arch_wrong formats golden jpeg malformed model png starved stream stream_damage
READER_BATS  := forged limits pictures read readers stream transfer view
coverage:
	@$(MAKE) --no-print-directory -j$(CORES) BUILD=$(BUILD)/coverage OPT='-O0 -g' SAN=--coverage \
		coverage-built
coverage-built: all $(READER_UNITS:%=$(BUILD)/unit/%)
	@find $(BUILD) -name '*.gcda' -delete
	@for u in $(READER_UNITS); do $(BUILD)/unit/$$u >/dev/null || echo "$$u fails"; done
	@export BUILD=$(BUILD) GCOV_ERROR_FILE=/dev/null; \
		bats --tap $(READER_BATS:%=tests/%.bats) | grep '^not ok' || true
	@sh tests/coverage.sh $(BUILD)

# Every reader on random bytes for SECONDS each, with clang's libFuzzer, from what the corpus has on;
# findings stay in $(BUILD)/fuzz. One that is mended goes into tests/fuzz/corpus/TARGET.
SECONDS_EACH ?= 60
FUZZERS      := $(FUZZ_C:tests/fuzz/%.c=$(BUILD)/fuzzers/%)
$(BUILD)/fuzzers/%: $(OBJ)/tests/fuzz/%.o $(BUILD)/libcmd.a $(BUILD)/libformats.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(FORMAT_LIBS) $(CORE_LIBS)
fuzz-built: $(FUZZERS)
	for f in $(FUZZERS); do mkdir -p $$f.corpus && $$f -max_total_time=$(SECONDS_EACH) -timeout=5 \
		-rss_limit_mb=2048 -artifact_prefix=$$f. -print_final_stats=1 $$f.corpus \
		tests/fuzz/corpus/$${f##*/} || exit 1; done
fuzz:
	@$(MAKE) --no-print-directory PACKAGES='$(BUILD_PACKAGES) clang libclang-rt-14-dev' deps
	@$(MAKE) --no-print-directory -j$(CORES) BUILD=$(BUILD)/fuzz CC=clang OPT='-O1 -g' \
		SAN='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzz-built

# What the engine and the commands reach, a line a row (tests/bench/README.md); never a pass or fail.
# make bench ROWS="resnet20-train lenet5-train" runs just those. build/bench/conv is for one layer.
BENCHES := $(BENCH_C:tests/bench/%.c=$(BUILD)/bench/%)
$(BUILD)/bench/%: $(OBJ)/tests/bench/%.o $(BUILD)/libcmd.a $(BUILD)/libformats.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(FORMAT_LIBS) $(CORE_LIBS)
$(BUILD)/bench/engine: LDFLAGS += -Wl,--wrap=par_for
bench: all $(BENCHES)
	@BUILD=$(BUILD) sh tests/bench/run.sh $(ROWS)

# ---- the machine ----------------------------------------------------------------------------------
# What is missing from Debian's packages is installed; nothing happens when nothing is.
BUILD_PACKAGES := libopenblas-dev libarchive-dev libpng-dev libjpeg-dev libjansson-dev zlib1g-dev
TEST_PACKAGES  := bats python3-numpy mandoc parallel
# What completions are typed into, and what stands between our programs; tests do without, too.
FURTHER_PACKAGES := zsh fish bash-completion pv zstd pkg-config strace
LINT_PACKAGES  := clang clang-tidy clang-format cppcheck shellcheck
PACKAGES       := $(BUILD_PACKAGES) $(TEST_PACKAGES)
SUDO           := sudo

deps:
	@missing=$$(for p in $(PACKAGES); do \
		dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	[ -z "$$missing" ] || { echo "installing" $$missing; \
		sudo=; [ "$$(id -u)" -eq 0 ] || sudo='$(SUDO)'; \
		$$sudo apt-get update -qq && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			$$missing >/dev/null; }

lint:
	@$(MAKE) --no-print-directory PACKAGES='$(BUILD_PACKAGES) $(LINT_PACKAGES)' deps
	sh tests/lint.sh

demo: deps
	@$(MAKE) --no-print-directory -j$(CORES) all
	PATH="$(abspath $(BUILD))/bin:$$PATH" sh pipelines/demo.sh

# ---- man pages and installing ---------------------------------------------------------------------
# A page says .\" OPTIONS where its program's table of options belongs.
MAN_OUT := $(addprefix $(BUILD)/man/,$(notdir $(MAN)))
man: $(MAN_OUT)

vpath %.1 cmd
vpath %.5 formats libcore libcore/arch
vpath %.7 cmd
$(BUILD)/man/%.1: %.1 $(BUILD)/bin/%
	@mkdir -p $(@D)
	@$(BUILD)/bin/$* --help=man >$@.options
	@sed -e '/^\.\\" OPTIONS/r $@.options' $< >$@.tmp && mv $@.tmp $@ && rm -f $@.options
$(BUILD)/man/%: %
	@mkdir -p $(@D)
	@cp $< $@

# Folders of completions and of pkg-config need not have been there: uninstall takes them away if nothing
# else lies in them.
TO           = $(DESTDIR)$(PREFIX)
BASH_FOLDER  = $(TO)/share/bash-completion/completions
ZSH_FOLDER   = $(TO)/share/zsh/site-functions
FISH_FOLDER  = $(TO)/share/fish/vendor_completions.d
PC_FOLDER    = $(TO)/share/pkgconfig

install: all man
	install -d "$(TO)/bin" "$(TO)/include" "$(TO)/share/man/man1" "$(TO)/share/man/man5" "$(TO)/share/man/man7" \
		"$(BASH_FOLDER)" "$(ZSH_FOLDER)" "$(FISH_FOLDER)" "$(PC_FOLDER)"
	install $(BINS) "$(TO)/bin"
	for page in $(MAN_OUT); do install -m 644 $$page "$(TO)/share/man/man$${page##*.}" || exit 1; done
	for p in $(PROGRAMS); do \
		install -m 644 completions/cvtools.bash "$(BASH_FOLDER)/$$p" && \
		install -m 644 completions/cvtools.fish "$(FISH_FOLDER)/$$p.fish" || exit 1; done
	install -m 644 completions/_cvtools "$(ZSH_FOLDER)"
	install -m 644 formats/cvt_stream.h "$(TO)/include"
	printf '%s\n' "prefix=$(PREFIX)" 'includedir=$${prefix}/include' 'bindir=$${prefix}/bin' '' \
		'Name: cvtools' 'Version: $(VERSION)' 'Cflags: -I"$${includedir}"' \
		"Description: computer vision's learning paradigms as Unix tools: streams of tensors" \
		>"$(PC_FOLDER)/cvtools.pc"
	chmod 644 "$(PC_FOLDER)/cvtools.pc"

uninstall:
	for p in $(PROGRAMS); do rm -f "$(TO)/bin/$$p" "$(BASH_FOLDER)/$$p" "$(FISH_FOLDER)/$$p.fish" || exit 1; done
	rm -f "$(TO)/include/cvt_stream.h" "$(PC_FOLDER)/cvtools.pc" "$(ZSH_FOLDER)/_cvtools"
	for page in $(notdir $(MAN)); do rm -f "$(TO)/share/man/man$${page##*.}/$$page" || exit 1; done
	for d in "$(BASH_FOLDER)" "$(ZSH_FOLDER)" "$(FISH_FOLDER)"; do \
		rmdir "$$d" "$${d%/*}" 2>/dev/null || :; done
	rmdir "$(PC_FOLDER)" 2>/dev/null || :

dist:
	git archive --format=tar.gz --prefix=cvtools-$(VERSION)/ -o $(BUILD)/cvtools-$(VERSION).tar.gz HEAD

clean:
	rm -rf $(BUILD)
