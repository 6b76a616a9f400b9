/*
 * Runs a fuzz target once on each file of a corpus folder, so that the ordinary test run keeps every input
 * that was ever interesting. Also takes single files, to look at one crash. Files are read in name order.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &st) < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        if (file)
            fclose(file);
        return -1;
    }

    /* Exactly as large as the input, so that a sanitizer sees the first byte read past it. */
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, file) != size) {
        fprintf(stderr, "%s: could not be read\n", path);
        free(data);
        fclose(file);
        return -1;
    }
    fclose(file);

    /* Printed first: after a crash the last line names the input. */
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay_folder(const char *folder, int *count)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, is_visible, alphasort);
    if (n < 0) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return -1;
    }

    int result = 0;
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (replay_file(path) < 0)
            result = -1;
        else
            (*count)++;
        free(entries[i]);
    }
    free(entries);
    return result;
}

int main(int argc, char **argv)
{
    int result = 0;
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            if (replay_folder(argv[i], &count) < 0)
                result = 1;
        } else if (replay_file(argv[i]) < 0) {
            result = 1;
        } else {
            count++;
        }
    }
    if (count == 0) {
        fprintf(stderr, "usage: %s FILE-OR-FOLDER...: no input was replayed\n", argv[0]);
        return 1;
    }
    printf("%d inputs\n", count);
    return result;
}
