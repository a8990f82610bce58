# SPDX-License-Identifier: Apache-2.0
# rVisor. `make help` lists the targets. Everything is built in build/; nothing else is written but
# images/alpine-rootfs (make rootfs).

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# As many jobs as processors, unless something else was asked for (a make below ours has its jobs from us).
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
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
HOST_LD := -static-pie -Wl,-z,relro,-z,now,-z,pack-relative-relocs -Wl,--as-needed -Wl,--gc-sections

# Baseline x86-64 with general registers only: ring 0 may be emulated (DESIGN, software KVM).
KERNEL := $(COMMON) -ffreestanding -fno-pic -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
          -fno-stack-protector -fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
          -fno-strict-aliasing -ffunction-sections -Iguest-kernel -Iarch/x86_64/include -Iarch/x86_64/guest \
          $(if $(filter 1,$(DEBUG)),-DRV_DEBUG)

# --- what is built from what ------------------------------------------------------------------------

kernel_src := $(wildcard guest-kernel/*/*.c arch/x86_64/guest/*.c arch/x86_64/guest/*.S)
lib_src := $(wildcard hostcalls/lib/*.c)
vmm_src := $(wildcard vmm/*.c arch/x86_64/vmm/*.c) $(lib_src)
fs_src := $(wildcard hostcalls/fs/*.c) $(lib_src)
runrsc_src := $(wildcard runrsc/*.c) hostcalls/lib/error.c

objects = $(patsubst %,$(B)/obj/$(1)/%.o,$(2))
kernel_obj := $(call objects,kernel,$(kernel_src))
vmm_obj := $(call objects,host,$(vmm_src)) $(B)/obj/kernel-image.o
fs_obj := $(call objects,host,$(fs_src))
runrsc_obj := $(call objects,host,$(runrsc_src))

programs := $(B)/runrsc $(B)/rvisor-vmm $(B)/rvisor-fs

all: $(programs) ## build the programs (build/runrsc and what it starts)

# The vDSO: ring-3 code in the kernel's image.
VDSO := -std=gnu17 -O2 -MMD -MP $(WARN) -ffreestanding -fPIC -fno-stack-protector -fvisibility=hidden \
        -fcf-protection=none -I. -Iarch/x86_64/vdso -shared -nostdlib -Wl,-soname=linux-vdso.so.1 \
        -Wl,--hash-style=both -Wl,--build-id=sha1 -Wl,-z,max-page-size=4096 -Wl,-Bsymbolic
$(B)/obj/vdso/vdso.so: arch/x86_64/vdso/vdso.c arch/x86_64/vdso/vdso.ld
	@mkdir -p $(@D)
	$(call say,VDSO,$@)
	$(Q)$(CC) $(VDSO) -MF $(@D)/vdso.d -Wl,-T,arch/x86_64/vdso/vdso.ld $< -o $@

$(B)/obj/kernel/arch/x86_64/guest/vdso_image.S.o: KERNEL += -Wa,-I$(B)/obj/vdso
$(B)/obj/kernel/arch/x86_64/guest/vdso_image.S.o: $(B)/obj/vdso/vdso.so

$(B)/obj/kernel/%.o: %
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(KERNEL) -c $< -o $@

$(B)/obj/host/%.o: %
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(HOST) -c $< -o $@

# The seccomp filters of the host programs' threads.
$(B)/gen/needs: hostcalls/gen/needs.c hostcalls/hostneeds.def hostcalls/lib/needs.h
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -O1 -D_GNU_SOURCE $(WARN) -I. $< -lseccomp -o $@
$(B)/gen/needs_filters.h: $(B)/gen/needs
	$(call say,GEN,$@)
	$(Q)$< >$@
$(B)/obj/host/hostcalls/lib/needs.c.o: $(B)/gen/needs_filters.h

$(B)/guest-kernel.elf: arch/x86_64/guest/kernel.ld arch/x86_64/guest/order.ld $(kernel_obj)
	$(call say,LD,$@)
	$(Q)$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		-Wl,--no-warn-rwx-segments -Wl,-T,$< $(kernel_obj) -lfdt -o $@

# The kernel that checks itself, for tests: runrsc run --kernel.
$(B)/guest-kernel-debug.elf: $(kernel_src) FORCE
	$(Q)$(MAKE) -s --no-print-directory DEBUG=1 B=$(B)/debug $(B)/debug/guest-kernel.elf
	$(Q)cmp -s $(B)/debug/guest-kernel.elf $@ || cp $(B)/debug/guest-kernel.elf $@
FORCE:

# The kernel inside rvisor-vmm: with its symbols (crash reports), without its debug information.
$(B)/guest-kernel.stripped: $(B)/guest-kernel.elf
	$(Q)objcopy --strip-debug $< $@

$(B)/obj/kernel-image.o: $(B)/guest-kernel.stripped
	@mkdir -p $(@D)
	$(Q)printf '.section .rodata\n.balign 4096\n.globl rv_kernel_image, rv_kernel_image_end\nrv_kernel_image:\n.incbin "%s"\nrv_kernel_image_end:\n.section .note.GNU-stack,"",@progbits\n' $< | \
		$(CC) -c -x assembler - -o $@

$(B)/rvisor-vmm: $(vmm_obj)
	$(call say,LD,$@)
	$(Q)$(CC) $(HOST_LD) $(vmm_obj) -lelf -lz -lfdt -pthread -o $@

$(B)/rvisor-fs: $(fs_obj)
	$(call say,LD,$@)
	$(Q)$(CC) $(HOST_LD) $(fs_obj) -pthread -o $@

$(B)/runrsc: $(runrsc_obj)
	$(call say,LD,$@)
	$(Q)$(CC) $(HOST_LD) $(runrsc_obj) -lfdt -o $@

# --- images and running -----------------------------------------------------------------------------

rootfs := images/alpine-rootfs
lab := tests/lab/run --timeout 300

rootfs: ## make images/alpine-rootfs (half a minute, then kept)
	$(Q)images/build-rootfs.sh $(rootfs) $(B)/images

# Not in images/, all of which goes into the lab.
debian-rootfs: ## make build/debian-rootfs for tests/compat/run (a minute, then kept; as root)
	$(Q)images/build-debian.sh $(B)/debian-rootfs $(B)/images-debian

compat-check: all rootfs debian-rootfs ## everyday commands, natively and in a sandbox
	$(Q)tests/compat/run

compat-lab: all rootfs debian-rootfs need ## the same in the lab, at full size (an hour)
	$(Q)tests/compat/lab

need: # what the other targets need from Debian
	$(Q).ci/need

# Set-up comes before everything else, so the rest is a make of its own.
demo: need ## build all and run /bin/ls in an Alpine-style container
	$(Q)$(MAKE) --no-print-directory all rootfs
	$(Q)if $(B)/runrsc run $(rootfs) /bin/true 2>/dev/null; then \
		echo '$$ $(B)/runrsc run $(rootfs) /bin/ls -l /'; \
		$(B)/runrsc run $(rootfs) /bin/ls -l /; \
	else \
		echo 'no usable /dev/kvm on this machine: running in the lab (tests/lab/README.md)'; \
		$(lab) $(B)/runrsc run $(rootfs) /bin/ls -l /; \
	fi

libexec := $(DESTDIR)$(PREFIX)/libexec/rvisor
install: all ## install under PREFIX=/usr/local, in DESTDIR=
	install -D -m 755 $(B)/runrsc $(DESTDIR)$(PREFIX)/bin/runrsc
	install -D -m 755 $(B)/rvisor-vmm $(libexec)/rvisor-vmm
	install -D -m 755 $(B)/rvisor-fs $(libexec)/rvisor-fs

# --- tests ------------------------------------------------------------------------------------------

guest_tests := $(patsubst tests/guest/%.c,$(B)/tests/guest/%,$(wildcard tests/guest/*.c))

$(B)/tests/guest/%: tests/guest/%.c tests/guest/t.h tests/guest/ring3.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu17 -O2 -g $(WARN) -static -pthread $< -o $@

# Random system calls. No library's threads or canaries: the calls may change FS base, for one.
fuzz_src := $(wildcard tests/fuzz/*.c)
$(B)/tests/fuzz/syscalls: $(fuzz_src) tests/fuzz/fuzz.h tests/fuzz/hints.def guest-kernel/linux/syscalls.def
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu17 -O2 -g -D_GNU_SOURCE -DRV_HOST_TEST $(WARN) -fno-stack-protector -Iguest-kernel \
		-static $(fuzz_src) -o $@

tests: $(guest_tests) $(B)/tests/fuzz/syscalls $(B)/guest-kernel-debug.elf ## build the test programs

check: need ## all tests: unit, on this machine's /dev/kvm, in the lab
	$(Q)$(MAKE) --no-print-directory all tests rootfs
	$(Q)tests/check

# Unit tests: the kernel and host code that needs no machine, for this host and with sanitizers. A
# program takes from the archives what it wants; the fakes come first, so they stand in for the rest.
unit_src := $(addprefix guest-kernel/,$(addsuffix .c,$(addprefix core/,lock mutex print radix random \
    string timer tree) $(addprefix mm/,aspace aspace_fault aspace_lock aspace_ops frame tlb vmo) \
    $(addprefix object/,alarm counter futex handle object port port_nest reclock signal signal_take wait) \
    $(addprefix fs/,attr contents cred dentry file hostfs hostfs_dir hostfs_file hostfs_image \
    hostfs_names hostfs_beside hostfs_direct hostfs_read hostfs_xattr inode memfs names notify open pipe protected text uio walk \
    window xattr xattr_mem) $(addprefix net/,passed socket socket_option unix unix_connect unix_flight unix_message \
    unix_name unix_packet unix_stream)))
unit_host_src := $(addsuffix .c,$(addprefix vmm/,cached fsclient hostcall options out ram ration) runrsc/run_options \
    $(addprefix hostcalls/lib/,attr error landlock) \
    $(addprefix hostcalls/fs/,attr beneath call names nodes open readdir server walk xattr))
unit_fakes := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)) # and what tests share
unit_tests := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
.SECONDARY: $(call objects,unit,$(wildcard tests/unit/test_*.c))
UNIT := $(COMMON) -O1 -D_GNU_SOURCE -DRV_HOST_TEST -DRV_DEBUG -DRV_VERSION='"$(VERSION)"' \
        -fno-strict-aliasing -fno-omit-frame-pointer -Itests/unit/include -Iguest-kernel \
        -Iarch/x86_64/include -Iarch/x86_64/vmm
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
            -fno-sanitize=nonnull-attribute # memcpy of nothing from nowhere: the kernel's own allows it

$(B)/obj/unit/%.o: %
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(UNIT) $(SANITIZE) -c $< -o $@
$(B)/obj/unit/fakes.a: $(call objects,unit,$(unit_fakes))
$(B)/obj/unit/kernel.a: $(call objects,unit,$(unit_src))
$(B)/obj/unit/host.a: $(call objects,unit,$(unit_host_src))
$(B)/obj/unit/%.a:
	$(Q)rm -f $@ && ar rcs $@ $^

unit_archives := $(addprefix $(B)/obj/unit/,fakes.a kernel.a host.a)
unit_unused = %/$(if $(findstring /test_host,$@),kernel,host).a
$(B)/tests/unit/test_%: $(B)/obj/unit/tests/unit/test_%.c.o $(unit_archives)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) $(filter %.o,$^) -Wl,--start-group $(filter-out $(unit_unused),$(unit_archives)) \
		-Wl,--end-group -lcheck -lsubunit -lm -lrt -pthread -o $@
# The real allocator, in place of the fake one.
$(B)/tests/unit/test_slab: $(B)/obj/unit/guest-kernel/mm/slab.c.o

unit-check: $(unit_tests) ## the unit tests
	$(Q)tests/unit/run $(unit_tests)
guest-check: all tests rootfs ## the guest tests on this machine's /dev/kvm
	$(Q)tests/guest/run
FUZZ_SECONDS ?= 600
fuzz: all tests ## random system calls for ten minutes (FUZZ_SECONDS=, FUZZ_SEED=)
	$(Q)tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_SEED)
lab-check: all tests rootfs ## test the lab, and the guest tests in it
	$(Q)tests/lab/check

# --- benchmarks -------------------------------------------------------------------------------------

BENCH := -std=gnu17 -O2 -g -D_GNU_SOURCE $(WARN) -Wconversion -I. -static
bench_programs := $(B)/bench/bench $(B)/bench/true

$(B)/bench/bench: $(wildcard bench/case_*.c) bench/bench.c bench/outside.c bench/bench.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(BENCH) -pthread $(filter %.c,$^) -o $@

$(B)/bench/true: bench/true.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(BENCH) -nostdlib -fno-stack-protector -Wl,--build-id=none $< -o $@

bench-programs: $(bench_programs)

bench: need ## measure against native, crun, runc and runsc in the lab (10 minutes)
	$(Q)$(MAKE) --no-print-directory all rootfs bench-programs
	$(Q)bench/run

# --- documents --------------------------------------------------------------------------------------

generated := docs/syscalls.md docs/hostcalls.md docs/hostneeds.md

$(B)/gen/%: docs/gen/%.c hostcalls/hostcalls.def hostcalls/hostneeds.def guest-kernel/linux/syscalls.def \
		guest-kernel/linux/privileged.def
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -I. -Iguest-kernel $< -o $@
docs/%.md: $(B)/gen/%
	$(call say,DOC,$@)
	$(Q)$< >$@
# The pages in the repository are those that the tables make now.
docs-check: $(generated:docs/%.md=$(B)/gen/%)
	$(Q)for page in $(generated); do \
		$(B)/gen/$$(basename $$page .md) | cmp -s - $$page || \
			{ echo "$$page is not up to date: run make docs" >&2; exit 1; }; \
	done
docs: $(generated) ## the reference pages that come from tables

clean: ## remove what was built
	rm -rf $(B)

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

.PHONY: all rootfs debian-rootfs compat-check compat-lab need demo install tests check docs-check unit-check guest-check fuzz lab-check bench \
        bench-programs docs clean help

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
