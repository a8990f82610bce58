/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on files and names, in a file system in memory and in the writable layer over
 * an image, against a model (model_fs.h).
 */
#include "core/string.h"
#include "mm/frame.h"
#include "tests/unit/model_fs.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_fs.h"

#include <stdlib.h>

static void fill_image(struct mnode *n, struct fake_node *h, u32 depth)
{
    static const u32 sizes[] = { 0, 10, 4095, 4096, 5000, 65535, 65536, 65537, 150000, 2200000 };

    for (u32 i = 0; i < NAMES; i++) {
        switch (unit_below(5)) {
        case 0:
            if (depth < 3) {
                add(n, i, new_node(DIR_, NULL, 0));
                fill_image(n->child[i], fake_dir(h, names[i]), depth + 1);
            }
            break;
        case 1: case 2: {
            u32 size = sizes[unit_below(ARRAY_SIZE(sizes) - (depth ? 1 : 0))];
            u8 *data = malloc(size + 1);

            for (u32 k = 0; k < size; k++)
                data[k] = (u8)(k * 7 + (k >> 12) + i);
            add(n, i, new_node(FILE_, data, size));
            {
                struct fake_node *f = fake_file(h, names[i], data, size);

                if (!unit_below(4) && i + 1 < NAMES) { /* with a second name beside it */
                    i++;
                    fake_name(h, names[i], f);
                    n->child[i - 1]->nlink++;
                    n->child[i] = n->child[i - 1];
                }
            }
            free(data);
            break;
        }
        case 3:
            if (!unit_below(3)) {
                add(n, i, new_node(LINK_, "/nowhere", 8));
                fake_link(h, names[i], "/nowhere");
            }
            break;
        default:
            break;
        }
    }
}

static void free_tree(struct mnode *n)
{
    for (u32 i = 0; i < NAMES; i++) {
        if (!n->child[i])
            continue;
        if (n->child[i]->type == DIR_)
            free_tree(n->child[i]);
        drop(n, i);
    }
}

static void start(u64 seed, bool image)
{
    unit_seed(seed);
    root = new_node(DIR_, NULL, 0);
    if (image)
        fill_image(root, fake_root(), 0);
    mount_root(image);
}

static void run(u32 steps)
{
    for (u32 i = 0; i < steps; i++) {
        random_op();
        if (i % 100 == 99)
            check_tree(root, "");
    }
    check_tree(root, "");
    close_all();
}

/* Remove all there is, by name. */
static void remove_all(const struct mnode *n, const char *path)
{
    for (u32 i = 0; i < NAMES; i++) {
        char name[600];

        if (!n->child[i])
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, names[i]);
        if (n->child[i]->type == DIR_)
            remove_all(n->child[i], name);
        SAY("remove %s", name);
        expect(n->child[i]->type == DIR_ ? vfs_rmdir(&at, name) : vfs_unlink(&at, name), 0);
    }
}

START_TEST(a_file_system_in_memory_matches_the_model)
{
    s64 blocks;
    u64 frames;

    start((u64)_i, false);
    blocks = fake_blocks;
    frames = fake_frames_used();
    run(1500);
    remove_all(root, "");
    free_tree(root);
    check_tree(root, "");
    CHECK_EQ(fake_blocks, blocks); /* and nothing stays behind */
    CHECK_OP(fake_frames_used(), <=, frames + 600); /* but what growth took for structs */
    put_node((root->nlink = 0, root));
    cred_unref(admin);
    cred_unref(user);
}
END_TEST

START_TEST(the_writable_layer_of_an_image_matches_the_model)
{
    start(1000 + (u64)_i, true);
    run(1500);
    remove_all(root, "");
    free_tree(root);
    check_tree(root, "");
    CHECK_EQ(fake_ids_in_use(), 0);
    put_node((root->nlink = 0, root));
    cred_unref(admin);
    cred_unref(user);
}
END_TEST

UNIT_MAIN("fs_model", SEEDS(a_file_system_in_memory_matches_the_model, 8),
          SEEDS(the_writable_layer_of_an_image_matches_the_model, 16))
