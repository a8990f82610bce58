/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/cpuinfo, from CPUID as ring 3 sees it. Names of features are Linux's (its cpufeatures.h),
 * bit numbers those of the Intel SDM, volume 2, CPUID, and the AMD APM, volume 3, appendix E.
 */
#include "arch/cpu.h"
#include "core/boot.h"
#include "core/string.h"
#include "fs/proc.h"
#include "sched/sched.h"

/* The features of one register, in the order in which Linux lists them. */
static const struct {
    u32 leaf, sub, reg; /* reg: index in eax, ebx, ecx, edx */
    const char *name[32];
} words[] = {
    { 1, 0, 3,
      { "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep", "mtrr",
        "pge", "mca", "cmov", "pat", "pse36", "pn", "clflush", NULL, "dts", "acpi", "mmx", "fxsr",
        "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe" } },
    { 0x80000001, 0, 3,
      { [11] = "syscall", [19] = "mp", [20] = "nx", [22] = "mmxext", [25] = "fxsr_opt",
        [26] = "pdpe1gb", [27] = "rdtscp", [29] = "lm", [30] = "3dnowext", [31] = "3dnow" } },
    { 0x80000007, 0, 3, { [8] = "constant_tsc" } },
    { 0x80000001, 0, 3, { [29] = "rep_good nopl" } }, /* all 64-bit processors */
    { 0x80000007, 0, 3, { [8] = "nonstop_tsc cpuid" } },
    { 1, 0, 2,
      { "pni", "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx", "smx", "est", "tm2", "ssse3",
        "cid", "sdbg", "fma", "cx16", "xtpr", "pdcm", NULL, "pcid", "dca", "sse4_1", "sse4_2",
        "x2apic", "movbe", "popcnt", "tsc_deadline_timer", "aes", "xsave", NULL, "avx", "f16c",
        "rdrand", "hypervisor" } },
    { 0x80000001, 0, 2,
      { "lahf_lm", "cmp_legacy", "svm", "extapic", "cr8_legacy", "abm", "sse4a", "misalignsse",
        "3dnowprefetch", "osvw", "ibs", "xop", "skinit", "wdt", NULL, "lwp", "fma4", "tce",
        [19] = "nodeid_msr", [21] = "tbm", "topoext", "perfctr_core", "perfctr_nb",
        [26] = "bpext", "ptsc", "perfctr_llc", "mwaitx" } },
    { 7, 0, 1,
      { "fsgsbase", "tsc_adjust", "sgx", "bmi1", "hle", "avx2", NULL, "smep", "bmi2", "erms",
        "invpcid", "rtm", "cqm", NULL, "mpx", "rdt_a", "avx512f", "avx512dq", "rdseed", "adx",
        "smap", "avx512ifma", NULL, "clflushopt", "clwb", "intel_pt", "avx512pf", "avx512er",
        "avx512cd", "sha_ni", "avx512bw", "avx512vl" } },
    { 13, 1, 0, { "xsaveopt", "xsavec", "xgetbv1", "xsaves" } },
    { 7, 1, 0, { [4] = "avx_vnni", "avx512_bf16" } },
    { 0x80000008, 0, 1,
      { "clzero", "irperf", "xsaveerptr", [4] = "rdpru", [9] = "wbnoinvd", [12] = "ibpb",
        [14] = "ibrs", "stibp" } },
    { 6, 0, 0, { [2] = "arat" } },
    { 7, 0, 2,
      { [1] = "avx512vbmi", "umip", "pku", "ospke", "waitpkg", "avx512_vbmi2", [8] = "gfni", "vaes",
        "vpclmulqdq", "avx512_vnni", "avx512_bitalg", "tme", "avx512_vpopcntdq", [16] = "la57",
        [22] = "rdpid", [24] = "bus_lock_detect", "cldemote", [27] = "movdiri", "movdir64b",
        "enqcmd" } },
    { 7, 0, 3,
      { [2] = "avx512_4vnniw", "avx512_4fmaps", "fsrm", [8] = "avx512_vp2intersect",
        [10] = "md_clear", [14] = "serialize", [16] = "tsxldtrk", [18] = "pconfig", "arch_lbr",
        [20] = "ibt", [22] = "amx_bf16", "avx512_fp16", "amx_tile", "amx_int8",
        [28] = "flush_l1d", "arch_capabilities" } },
};

enum { EAX, EBX, ECX, EDX };

/* Leaves above the processor's highest of their range mean nothing. */
struct range {
    u32 max, max_ext;
};

static bool get(const struct range *in, u32 leaf, u32 sub, u32 r[4])
{
    memset(r, 0, 16);
    if (leaf > (leaf >> 31 ? in->max_ext : in->max))
        return false;
    cpu_user_cpuid(leaf, sub, r);
    return true;
}

static void put_flags(struct text *t, const struct range *in)
{
    u32 leaf = UINT32_MAX, sub = 0, r[4];

    text_puts(t, "flags\t\t:");
    for (u32 w = 0; w < ARRAY_SIZE(words); w++) {
        if (words[w].leaf != leaf || words[w].sub != sub) {
            leaf = words[w].leaf;
            sub = words[w].sub;
            get(in, leaf, sub, r);
        }
        for (u32 bit = 0; bit < 32; bit++)
            if ((r[words[w].reg] >> bit & 1) && words[w].name[bit])
                text_printf(t, " %s", words[w].name[bit]);
    }
    text_puts(t, "\n");
}

static void put_brand(struct text *t, const struct range *in)
{
    char s[49] = "", *p = s;

    for (u32 k = 0; k < 3; k++) {
        u32 r[4];

        get(in, 0x80000002 + k, 0, r);
        memcpy(s + k * 16, r, 16);
    }
    for (size_t n = strlen(s); n && s[n - 1] == ' '; n--)
        s[n - 1] = 0;
    while (*p == ' ')
        p++;
    text_printf(t, "model name\t: %s\n", *p ? p : "unknown");
}

/* The largest cache: leaf 4 (Intel), leaf 0x8000001d (AMD, the same layout), or 0x80000006. */
static u32 cache_kb(const struct range *in, bool amd)
{
    u32 best = 0, r[4];

    if (amd && get(in, 0x80000006, 0, r))
        return r[ECX] >> 16; /* Linux shows the second level there */
    for (u32 k = 0; k < 8 && get(in, 4, k, r) && (r[EAX] & 31); k++) {
        u64 ways = (r[EBX] >> 22) + 1, parts = (r[EBX] >> 12 & 1023) + 1;
        u64 line = (r[EBX] & 4095) + 1;

        best = MAX(best, (u32)(ways * parts * line * ((u64)r[ECX] + 1) >> 10));
    }
    return best;
}

/* What all processors have in common, from vendor_id to stepping. */
static void put_identity(struct text *t, const struct range *in, const u32 leaf0[4])
{
    u32 r[4], family, model;
    char vendor[13];

    memcpy(vendor, &leaf0[EBX], 4);
    memcpy(vendor + 4, &leaf0[EDX], 4);
    memcpy(vendor + 8, &leaf0[ECX], 4);
    vendor[12] = 0;
    get(in, 1, 0, r);
    family = r[EAX] >> 8 & 15;
    model = r[EAX] >> 4 & 15;
    if (family == 6 || family == 15)
        model |= r[EAX] >> 12 & 0xf0;
    if (family == 15)
        family += r[EAX] >> 20 & 0xff;
    text_printf(t, "vendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", vendor, family, model);
    put_brand(t, in);
    text_printf(t, "stepping\t: %u\n", r[EAX] & 15);
}

int proc_show_cpuinfo(const struct proc_inode *i UNUSED, struct text *t)
{
    u64 khz = boot.clock->tsc_khz;
    u32 n = sched_ncpus(), leaf0[4], r[4], cache, line;
    struct text head = { 0 }, flags = { 0 };
    struct range in;
    int err;

    cpu_user_cpuid(0, 0, leaf0);
    cpu_user_cpuid(0x80000000, 0, r);
    in = (struct range){ leaf0[EAX], r[EAX] };
    put_identity(&head, &in, leaf0);
    put_flags(&flags, &in);
    cache = cache_kb(&in, leaf0[EBX] == 0x68747541 /* "Auth" */);
    get(&in, 1, 0, r);
    line = MAX((r[EBX] >> 8 & 0xff) * 8, 64u);
    get(&in, 0x80000008, 0, r);
    for (u32 cpu = 0; cpu < n; cpu++) {
        text_printf(t, "processor\t: %u\n", cpu);
        text_append(t, &head);
        text_printf(t, "cpu MHz\t\t: %lu.%03lu\ncache size\t: %u KB\n", khz / 1000,
                    khz % 1000, cache);
        text_printf(t, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n"
                       "apicid\t\t: %u\ninitial apicid\t: %u\n",
                    n, cpu, n, cpu, cpu);
        text_printf(t, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
                    in.max);
        text_append(t, &flags);
        text_printf(t, "bugs\t\t:\nbogomips\t: %lu.%02lu\nclflush size\t: %u\n"
                       "cache_alignment\t: %u\n",
                    khz / 500, khz / 5 % 100, line, line);
        text_printf(t, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
                    r[EAX] & 0xff, r[EAX] >> 8 & 0xff);
    }
    err = head.err ? head.err : flags.err;
    text_free(&head);
    text_free(&flags);
    return err;
}
