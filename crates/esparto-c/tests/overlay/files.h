/* The packed files, in the folder `data` where the program runs, and what else the loader asks. */
#ifndef FILES_H
#define FILES_H

#include <stdio.h>
#include <string.h>

#include "esparto/esparto.h"

#ifdef __cplusplus
extern "C" {
#endif

extern char __stack[];

/* What goes wrong, for who wants it to. */
static struct {
    bool is_interrupt, is_missing, is_failing, is_damaged;
    int refused_count;
    size_t refused_number;
    esparto_status_t refused_status;
} trouble;

static int32_t files_open(const char *name, size_t name_len, void **file, uint32_t *len_bytes,
                          void *context) {
    char path[80];
    (void)context;
    if (trouble.is_missing || name_len > 60) {
        return -1;
    }
    memcpy(path, "data/", 5);
    memcpy(path + 5, name, name_len);
    path[5 + name_len] = '\0';
    FILE *opened = fopen(path, "rb");
    if (opened == NULL) {
        return -1;
    }
    fseek(opened, 0, SEEK_END);
    *len_bytes = (uint32_t)ftell(opened);
    *file = opened;
    return 0;
}

static int32_t files_read_at(void *file, uint32_t offset, void *buffer, size_t len_bytes,
                             void *context) {
    (void)context;
    if (trouble.is_failing) {
        return -5;
    }
    if (fseek((FILE *)file, (long)offset, SEEK_SET) != 0) {
        return -6;
    }
    const int32_t count = (int32_t)fread(buffer, 1, len_bytes, (FILE *)file);
    if (trouble.is_damaged && count > 0) {
        ((unsigned char *)buffer)[count / 2] ^= 1;
    }
    return count;
}

static void files_close(void *file, void *context) {
    (void)context;
    fclose((FILE *)file);
}

static uintptr_t stack_end(void *context) {
    (void)context;
    return (uintptr_t)__stack;
}

static bool in_interrupt(void *context) {
    (void)context;
    return trouble.is_interrupt;
}

static uint32_t refused(size_t number, esparto_status_t status, void *context) {
    (void)context;
    trouble.refused_count++;
    trouble.refused_number = number;
    trouble.refused_status = status;
    return 4711;
}

static inline esparto_overlay_settings_t usual_settings(void) {
    esparto_overlay_settings_t settings;
    memset(&settings, 0, sizeof settings);
    settings.store.open = files_open;
    settings.store.read_at = files_read_at;
    settings.store.close = files_close;
    settings.stack_end = stack_end;
    settings.in_interrupt = in_interrupt;
    settings.refused = refused;
    return settings;
}

/* Clears what old calls left below the stack pointer: the loader takes addresses there for returns. */
__attribute__((noinline)) static void forget_old_calls(void) {
    volatile unsigned char old[4096];
    for (size_t at = 0; at < sizeof old; at++) {
        old[at] = 0;
    }
}

#ifdef __cplusplus
}
#endif

#endif
