/* The volumes that a read-only container needs for files to be copied into it (reconciler/plan/folders.c). */
#include "base/str.h"
#include "providers/containers/wire.h"

struct val *folders_needed(struct arena *a, const struct val *spec)
{
    static const char *const fields[] = {"configs", "secrets"};
    struct val *list = val_list(a);
    struct err ignored = {0};
    for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
        const struct val *files = val_get(spec, fields[f]);
        for (size_t i = 0; i < val_len(files); i++) {
            const char *folder;
            if (file_folder(a, spec, files->pairs[i].key, &folder, &ignored) == 0 && !str_eq(folder, "/") &&
                !val_get(val_get(spec, "volumes"), folder))
                val_list_add(a, list, val_str(a, folder));
        }
    }
    val_list_sort(list);
    return list;
}
