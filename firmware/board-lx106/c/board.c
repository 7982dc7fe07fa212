/* C programs on QEMU's `sim` machine with an LX106 core: the start, files of the host, the end. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(void);
__attribute__((noreturn)) void board_begin(void);
void _exit(int code) __attribute__((noreturn));

/* The machine starts at the first byte of its code; an exception ends it with the verdict 2. */
__asm__(".section .init, \"ax\"\n"
        ".global _start\n"
        "_start:\n"
        "    j 3f\n"
        "    .balign 4\n"
        "1:  .word __sram_end\n"
        "2:  .word board_begin\n"
        "3:  movi a2, 0\n"
        "    wsr.intenable a2\n"
        "    wsr.ps a2\n"
        "    rsync\n"
        "    l32r a1, 1b\n"
        "    l32r a0, 2b\n"
        "    callx0 a0\n"
        "    .section .vectors, \"ax\"\n"
        "    .org 0x30\n"
        "    movi a2, 1\n"
        "    movi a3, 2\n"
        "    simcall\n"
        "    .org 0x70\n"
        "    movi a2, 1\n"
        "    movi a3, 3\n"
        "    simcall\n"
        "    .text\n");

enum {
    CALL_EXIT = 1,
    CALL_READ = 3,
    CALL_WRITE = 4,
    CALL_OPEN = 5,
    CALL_CLOSE = 6,
    CALL_SEEK = 19,
    STANDARD_OUTPUT = 1
};

/* The host's own flags, which are Linux'. */
enum { HOST_CREATE = 0100, HOST_TRUNCATE = 01000, HOST_APPEND = 02000 };

int open(const char *name, int flags, ...);
int close(int file);
ssize_t read(int file, void *bytes, size_t count);
ssize_t write(int file, const void *bytes, size_t count);
off_t lseek(int file, off_t offset, int from);

static int simcall(int call, int first, const void *second, int third) {
    register int a2 __asm__("a2") = call;
    register int a3 __asm__("a3") = first;
    register const void *a4 __asm__("a4") = second;
    register int a5 __asm__("a5") = third;
    __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
    return a2;
}

static int put(char byte, FILE *file) {
    (void)file;
    simcall(CALL_WRITE, STANDARD_OUTPUT, &byte, 1);
    return byte;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdin = &console;
FILE *const stdout = &console;
FILE *const stderr = &console;

int open(const char *name, int flags, ...) {
    const int readable_by_all = 0644;
    int host = flags & (O_RDONLY | O_WRONLY | O_RDWR);
    host |= flags & O_CREAT ? HOST_CREATE : 0;
    host |= flags & O_TRUNC ? HOST_TRUNCATE : 0;
    host |= flags & O_APPEND ? HOST_APPEND : 0;
    return simcall(CALL_OPEN, (int)(uintptr_t)name, (const void *)(uintptr_t)host,
                   readable_by_all);
}

int close(int file) {
    return simcall(CALL_CLOSE, file, NULL, 0);
}

ssize_t read(int file, void *bytes, size_t count) {
    return simcall(CALL_READ, file, bytes, (int)count);
}

ssize_t write(int file, const void *bytes, size_t count) {
    return simcall(CALL_WRITE, file, bytes, (int)count);
}

off_t lseek(int file, off_t offset, int from) {
    return simcall(CALL_SEEK, file, (const void *)(uintptr_t)offset, from);
}

void _exit(int code) {
    simcall(CALL_EXIT, code, NULL, 0);
    for (;;) {
    }
}

void abort(void) {
    _exit(4);
}

void board_begin(void) {
    exit(main());
}
