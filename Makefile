# cvtools: make, make check, make demo. The build finds its files by wildcard and needs no configure;
# everything it makes lies under $(BUILD). See README.md for the map of the house.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
BUILD   ?= build
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
ALL_LDFLAGS := -pthread -Wl,--as-needed $(SAN) $(LDFLAGS)
# The engine needs no library but libm and (at run time) OpenBLAS; the formats bring the others.
CORE_LIBS   := -lm -ldl
FORMAT_LIBS := -larchive -lpng -ljpeg -ljansson -lz

# ---- what there is --------------------------------------------------------------------------------
PROGRAMS  := $(patsubst cmd/%.c,%,$(wildcard cmd/cv-*.c))
SHARED_C  := $(filter-out $(wildcard cmd/cv-*.c),$(wildcard cmd/*.c))
SIMD_C    := $(wildcard libcore/simd/*.c)
CORE_C    := $(wildcard libcore/*.c libcore/nn/*.c libcore/loss/*.c libcore/method/*.c \
	       libcore/opt/*.c libcore/aug/*.c)
FORMATS_C := $(wildcard formats/*.c)
ARCHS     := $(sort $(wildcard libcore/arch/*.arch))
UNIT_C    := $(wildcard tests/unit/*.c)
FUZZ_C    := $(wildcard tests/fuzz/*.c)
BENCH_C   := $(wildcard tests/bench/*.c)
MAN       := $(wildcard cmd/*.1 formats/*.5 libcore/*.5 libcore/arch/*.5 cmd/*.7)

OBJ        = $(BUILD)/obj
CORE_O    := $(CORE_C:%.c=$(OBJ)/%.o) $(OBJ)/gen/zoo.o
# One source, three machines: every kernel is compiled for each and chosen at run time (simd.h).
ifeq ($(shell uname -m),x86_64)
ISAS      := portable avx2 avx512
else
ISAS      := portable
endif
ISA_portable := -DSIMD_ISA=portable -DSIMD_WIDTH=4
ISA_avx2     := -DSIMD_ISA=avx2 -DSIMD_WIDTH=8 -mavx2 -mfma
ISA_avx512   := -DSIMD_ISA=avx512 -DSIMD_WIDTH=16 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma \
		-mprefer-vector-width=512
SIMD_O    := $(foreach isa,$(ISAS),$(SIMD_C:%.c=$(OBJ)/%.$(isa).o))
FORMATS_O := $(FORMATS_C:%.c=$(OBJ)/%.o)
SHARED_O  := $(SHARED_C:%.c=$(OBJ)/%.o)
BINS      := $(PROGRAMS:%=$(BUILD)/bin/%)
UNITS     := $(UNIT_C:tests/unit/%.c=$(BUILD)/unit/%)

.PHONY: all check check-unit check-bats asan tsan fuzz lint bench demo deps install uninstall dist \
	clean man torture format
.SECONDARY:

all: $(BINS)

$(BUILD)/bin/%: $(OBJ)/cmd/%.o $(SHARED_O) $(BUILD)/libformats.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(FORMAT_LIBS) $(CORE_LIBS)

$(BUILD)/libcore.a: $(CORE_O) $(SIMD_O)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/libformats.a: $(FORMATS_O)
	@rm -f $@
	@ar rcs $@ $^

$(OBJ)/%.o: %.c | $(BUILD)/.flags
	@mkdir -p $(@D)
	@echo CC $<
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

define simd_rule
$(OBJ)/libcore/simd/%.$(1).o: libcore/simd/%.c | $(BUILD)/.flags
	@mkdir -p $$(@D)
	@echo CC $$< $(1)
	@$(CC) $(ALL_CFLAGS) -O3 -ffp-contract=fast $(ISA_$(1)) -c -o $$@ $$<
endef
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
$(BUILD)/unit/%: $(OBJ)/tests/unit/%.o $(SHARED_O) $(BUILD)/libformats.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(FORMAT_LIBS) $(CORE_LIBS)

check: deps
	@$(MAKE) --no-print-directory check-built

check-built: all $(UNITS)
	BUILD=$(BUILD) sh tests/run.sh

check-unit: all $(UNITS)
	BUILD=$(BUILD) sh tests/run.sh unit

asan:
	$(MAKE) BUILD=$(BUILD)/asan OPT='-O1 -g -fno-omit-frame-pointer' \
		SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' check-built

tsan:
	$(MAKE) BUILD=$(BUILD)/tsan OPT='-O1 -g' SAN='-fsanitize=thread' TESTS=tsan check-built

clean:
	rm -rf $(BUILD)
