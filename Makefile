# SPDX-License-Identifier: Apache-2.0
# rVisor. `make help` lists the targets. Everything is built in build/; nothing else is written but
# images/alpine-rootfs (make rootfs).

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-6s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

CC := gcc
B := build
PREFIX ?= /usr/local
VERSION := 0.1

# make DEBUG=1: checks of lock order and the like in the guest kernel. make WERROR=1: as CI does.
DEBUG ?= 0
WERROR ?= $(if $(CI),1,0)

WARN := -Wall -Wextra -Wshadow $(if $(filter 1,$(WERROR)),-Werror)
COMMON := -std=gnu17 -O2 -g -MMD -MP $(WARN) -I. -I$(B)/gen
HOST := $(COMMON) -Wconversion -D_GNU_SOURCE -DRV_VERSION='"$(VERSION)"' -fstack-protector-strong \
        -D_FORTIFY_SOURCE=2 -fPIE -Iarch/x86_64/vmm
HOST_LD := -pie -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--gc-sections

# Baseline x86-64 with general registers only: ring 0 may be emulated (DESIGN, software KVM).
KERNEL := $(COMMON) -ffreestanding -fno-pic -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
          -fno-stack-protector -fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
          -fno-strict-aliasing -Iguest-kernel -Iarch/x86_64/include -Iarch/x86_64/guest \
          $(if $(filter 1,$(DEBUG)),-DRV_DEBUG)

# --- what is built from what ------------------------------------------------------------------------

kernel_src := $(wildcard guest-kernel/*/*.c arch/x86_64/guest/*.c arch/x86_64/guest/*.S)
lib_src := $(wildcard hostcalls/lib/*.c)
vmm_src := $(wildcard vmm/*.c arch/x86_64/vmm/*.c) $(lib_src)
fs_src := $(wildcard hostcalls/fs/*.c) $(lib_src)
runrsc_src := $(wildcard runrsc/*.c) hostcalls/lib/error.c

objects = $(patsubst %,$(B)/obj/$(1)/%.o,$(2))
kernel_obj := $(call objects,kernel,$(kernel_src))
vmm_obj := $(call objects,host,$(vmm_src)) $(B)/obj/kernel-blob.o
fs_obj := $(call objects,host,$(fs_src))
runrsc_obj := $(call objects,host,$(runrsc_src))

programs := $(B)/runrsc $(B)/rvisor-vmm $(B)/rvisor-fs

all: $(programs) ## build the programs (build/runrsc and what it starts)

$(B)/obj/kernel/%.o: %
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(KERNEL) -c $< -o $@

$(B)/obj/host/%.o: %
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(HOST) -c $< -o $@

$(B)/guest-kernel.elf: arch/x86_64/guest/kernel.ld $(kernel_obj)
	$(call say,LD,$@)
	$(Q)$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		-Wl,--no-warn-rwx-segments -Wl,-T,$< $(kernel_obj) -lfdt -o $@

# The kernel inside rvisor-vmm: with its symbols (crash reports), without its debug information.
$(B)/guest-kernel.lz4: $(B)/guest-kernel.elf
	$(call say,LZ4,$@)
	$(Q)objcopy --strip-debug $< $(B)/guest-kernel.stripped
	$(Q)lz4 -q -f -9 $(B)/guest-kernel.stripped $@

$(B)/obj/kernel-blob.o: $(B)/guest-kernel.lz4
	@mkdir -p $(@D)
	$(Q)printf '.section .rodata\n.globl rv_kernel_blob, rv_kernel_blob_end\nrv_kernel_blob:\n.incbin "%s"\nrv_kernel_blob_end:\n.section .note.GNU-stack,"",@progbits\n' $< | \
		$(CC) -c -x assembler - -o $@

$(B)/rvisor-vmm: $(vmm_obj)
	$(call say,LD,$@)
	$(Q)$(CC) $(HOST_LD) $(vmm_obj) -lelf -llz4 -lfdt -lcap-ng -lseccomp -pthread -o $@

$(B)/rvisor-fs: $(fs_obj)
	$(call say,LD,$@)
	$(Q)$(CC) $(HOST_LD) $(fs_obj) -lcap-ng -lseccomp -pthread -o $@

$(B)/runrsc: $(runrsc_obj)
	$(call say,LD,$@)
	$(Q)$(CC) $(HOST_LD) $(runrsc_obj) -lfdt -o $@

# --- tests ------------------------------------------------------------------------------------------

guest_tests := $(patsubst tests/guest/%.c,$(B)/tests/guest/%,$(wildcard tests/guest/*.c))

$(B)/tests/guest/%: tests/guest/%.c tests/guest/t.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu17 -O2 -g $(WARN) -static -pthread $< -o $@

tests: $(guest_tests) ## build the test programs

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
