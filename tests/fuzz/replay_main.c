/* SPDX-License-Identifier: MIT */
/* Feeds files, or the files of folders, to a fuzz target once each: what is in for libFuzzer in plain builds. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static unsigned long replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data;
    size_t n;
    long size;

    if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
        perror(path);
        exit(1);
    }
    rewind(f);
    data = malloc((size_t) size + 1);
    if (!data)
        exit(1);
    n = fread(data, 1, (size_t) size, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 1;
}

static unsigned long replay(const char *path)
{
    unsigned long n = 0;
    struct dirent *e;
    struct stat st;
    DIR *d;

    if (stat(path, &st) != 0) {
        perror(path);
        exit(1);
    }
    if (!S_ISDIR(st.st_mode))
        return replay_file(path);
    d = opendir(path);
    while (d && (e = readdir(d))) {
        char child[4096];

        if (e->d_name[0] == '.')
            continue;
        snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        n += replay(child);
    }
    if (d)
        closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    unsigned long n = 0;

    for (int i = 1; i < argc; i++)
        n += replay(argv[i]);
    printf("%lu inputs replayed\n", n);
    return n > 0 ? 0 : 1; /* an empty corpus is a test that tests nothing */
}
