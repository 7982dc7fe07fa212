/* Where a program asks for blocks, for its trace: compile this and link with `@ports/calls.args`, and the
   events of a trace carry the address that the call returns to. `esparto report TRACE --elf FIRMWARE` then
   names the file and line of a leak. With compat/heap_caps.h define ESPARTO_TRACE_CALLS too.

   The linker turns every call of a function below from elsewhere to what stands in for it here, so nobody
   needs to be compiled anew, and a program that does without has no instruction of it. */
#include "esparto/esparto.h"

#define TELL esparto_trace_call(__builtin_return_address(0), __builtin_frame_address(0))
#define OVER esparto_trace_call(NULL, NULL)

/* A function that hands out a block. */
#define HANDS_OUT(name, parameters, arguments) \
    void *__real_##name parameters;            \
    void *__wrap_##name parameters;            \
    void *__wrap_##name parameters {           \
        TELL;                                  \
        void *given = __real_##name arguments; \
        OVER;                                  \
        return given;                          \
    }

/* One that says how it went. */
#define SAYS(name, parameters, arguments)                     \
    enum esparto_status_t __real_##name parameters;           \
    enum esparto_status_t __wrap_##name parameters;           \
    enum esparto_status_t __wrap_##name parameters {          \
        TELL;                                                 \
        enum esparto_status_t status = __real_##name arguments; \
        OVER;                                                 \
        return status;                                        \
    }

HANDS_OUT(esparto_malloc, (size_t size), (size))
HANDS_OUT(esparto_calloc, (size_t count, size_t size), (count, size))
HANDS_OUT(esparto_realloc, (void *block, size_t size), (block, size))
HANDS_OUT(esparto_aligned_alloc, (size_t align, size_t size), (align, size))
HANDS_OUT(esparto_malloc_caps, (size_t size, uint16_t caps), (size, caps))
HANDS_OUT(esparto_calloc_caps, (size_t count, size_t size, uint16_t caps), (count, size, caps))
HANDS_OUT(esparto_realloc_caps, (void *block, size_t size, uint16_t caps), (block, size, caps))
HANDS_OUT(esparto_aligned_alloc_caps, (size_t align, size_t size, uint16_t caps), (align, size, caps))
HANDS_OUT(esparto_malloc_prefer, (size_t size, uint16_t require, uint16_t prefer),
          (size, require, prefer))
HANDS_OUT(esparto_malloc_for, (size_t size, uint8_t used_for), (size, used_for))
SAYS(esparto_allocate, (size_t size, size_t align, uint16_t require, uint16_t prefer, void **block),
     (size, align, require, prefer, block))
SAYS(esparto_free_checked, (void *block), (block))

void __real_esparto_free(void *block);
void __wrap_esparto_free(void *block);
void __wrap_esparto_free(void *block) {
    TELL;
    __real_esparto_free(block);
    OVER;
}
