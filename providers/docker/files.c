/* Configs and secrets as files: a tar archive that the engine unpacks in the container before it starts (API,
   PUT /containers/ID/archive). */
#include "providers/docker/docker.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"

#include <time.h>

#define TAR_BLOCK 512u

/* One header in the ustar format (POSIX pax, "ustar Interchange Format"); GNU's long names precede it. */
struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6],
        version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};

static void octal(char *dst, size_t size, uint64_t n)
{
    dst[size - 1] = '\0';
    for (size_t i = size - 1; i > 0; i--, n /= 8)
        dst[i - 1] = (char)('0' + n % 8);
}

struct tar_entry {
    const char *path; /* relative */
    const void *data;
    size_t len;
    uint64_t uid, gid, mode;
};

static void tar_block(struct buf *out, const struct tar_entry *e, char type)
{
    struct tar_header h = {.type = type, .magic = "ustar", .version = {'0', '0'}};
    str_copy(h.name, sizeof(h.name), e->path);
    octal(h.mode, sizeof(h.mode), e->mode);
    octal(h.uid, sizeof(h.uid), e->uid);
    octal(h.gid, sizeof(h.gid), e->gid);
    octal(h.size, sizeof(h.size), e->len);
    octal(h.mtime, sizeof(h.mtime), (uint64_t)time(NULL));
    memset(h.checksum, ' ', sizeof(h.checksum));
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof(h); i++)
        sum += ((const unsigned char *)&h)[i];
    octal(h.checksum, sizeof(h.checksum) - 1, sum);
    buf_add(out, &h, sizeof(h));
    buf_add(out, e->data, e->len);
    buf_addn(out, '\0', (TAR_BLOCK - e->len % TAR_BLOCK) % TAR_BLOCK);
}

static void tar_add(struct buf *out, const struct tar_entry *e)
{
    if (strlen(e->path) >= sizeof(((struct tar_header *)0)->name))
        tar_block(out,
                  &(struct tar_entry){.path = "././@LongLink", .data = e->path, .len = strlen(e->path) + 1},
                  'L');
    tar_block(out, e, '0');
}

static int number(const char *text, uint64_t *ret, const char *what, struct err *err)
{
    int64_t n = 0;
    int r = text ? parse_int(text, 0, 2097151, &n, err) : 0;
    *ret = (uint64_t)n;
    return r < 0 ? err_wrap(err, "%s", what) : 0;
}

/* Read a Secret's file on this host, which must not be readable by others. */
static int read_secret(const struct val *spec, const char *target, struct secret **ret, struct err *err)
{
    const char *file = val_get_str(val_get(val_get(spec, "secrets"), target), "file");
    if (!file)
        return err_set(err, ERR_INVALID, "%s: its content is not known", target);
    return secret_read_file(file, ret, err);
}

static int add_file(struct buf *out, const struct val *spec, const char *folder, const struct step_file *f,
                    struct err *err)
{
    size_t skip = strlen(folder);
    struct tar_entry e = {.path = f->target + skip + (folder[skip - 1] == '/' ? 0 : 1),
                          .data = f->data,
                          .len = f->len,
                          .mode = f->mode < 0 ? 0444 : (uint64_t)f->mode};
    _cleanup_secret_ struct secret *secret = NULL;
    int r = number(f->uid, &e.uid, "uid", err);
    if (r == 0)
        r = number(f->gid, &e.gid, "gid", err);
    if (r == 0 && !f->data) {
        r = read_secret(spec, f->target, &secret, err);
        if (r == 0)
            e.data = secret_bytes(secret, &e.len);
    }
    if (r < 0)
        return err_wrap(err, "%s", f->target);
    tar_add(out, &e);
    return 0;
}

static int put_folder(struct act *t, const struct val *spec, const struct files *files, const char *folder,
                      const char *id, struct err *err)
{
    struct buf tar = BUF_INIT;
    int r = 0;
    for (size_t i = 0; i < files->n && r == 0; i++)
        if (str_eq(files->folders[i], folder))
            r = add_file(&tar, spec, folder, &files->items[i], err);
    buf_addn(&tar, '\0', 2 * (size_t)TAR_BLOCK);
    if (r == 0)
        r = buf_check(&tar, "the files to copy", err);
    if (r == 0) {
        _cleanup_buf_ struct buf tail = BUF_INIT;
        buf_adds(&tail, "/archive?path=");
        http_escape(&tail, folder);
        _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
        const struct ask q = {.method = "PUT",
                              .path = docker_path(t->arena, "/containers/", id, buf_str(&tail)),
                              .raw = tar.data,
                              .raw_len = tar.len,
                              .raw_type = "application/x-tar",
                              .cancel = act_cancel(t)};
        r = docker_ask(t->d, &q, &answer, NULL, err);
        if (r < 0)
            err_wrap(err, "cannot copy files to %s", folder);
    }
    if (tar.data)
        secret_wipe(tar.data, tar.cap);
    buf_release(&tar);
    return r;
}

static bool has_file(const struct step *s, const char *target)
{
    for (size_t i = 0; i < s->n_files; i++)
        if (str_eq(s->files[i].target, target))
            return true;
    return false;
}

int files_collect(struct act *t, const struct val *spec, struct files *ret, struct err *err)
{
    const struct step *s = t->step;
    struct val *plain = val_map_copy(t->arena, spec);
    const struct val *secrets = val_get(spec, "secrets");
    const size_t most = s->n_files + val_len(secrets);
    struct files f = {.items = arena_array(t->arena, struct step_file, most + 1),
                      .folders = arena_array(t->arena, const char *, most + 1)};
    for (size_t i = 0; i < s->n_files; i++)
        f.items[f.n++] = s->files[i];
    for (size_t i = 0; i < val_len(secrets); i++) {
        const struct val *rec = secrets->pairs[i].val;
        if (!has_file(s, secrets->pairs[i].key))
            f.items[f.n++] = (struct step_file){.target = secrets->pairs[i].key,
                                                .uid = val_get_str(rec, "uid"),
                                                .gid = val_get_str(rec, "gid"),
                                                .mode = val_get_int(rec, "mode", -1)};
    }
    if (t->d->dialect->copies_into_read_only)
        val_map_del(plain, "read_only");
    for (size_t i = 0; i < f.n; i++) {
        int r = file_folder(t->arena, plain, f.items[i].target, &f.folders[i], err);
        if (r < 0)
            return r;
    }
    *ret = f;
    return 0;
}

int files_put(struct act *t, const struct val *spec, const struct files *files, const char *id,
              struct err *err)
{
    for (size_t i = 0; i < files->n; i++) {
        bool done = false;
        for (size_t j = 0; j < i && !done; j++)
            done = str_eq(files->folders[j], files->folders[i]);
        int r = done ? 0 : put_folder(t, spec, files, files->folders[i], id, err);
        if (r < 0)
            return r;
    }
    return 0;
}
