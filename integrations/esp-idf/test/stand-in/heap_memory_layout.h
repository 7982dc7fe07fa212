#ifndef STAND_IN_HEAP_MEMORY_LAYOUT_H
#define STAND_IN_HEAP_MEMORY_LAYOUT_H

#include <stdint.h>

/* ESP-IDF collects these in a section of their own. */
typedef struct {
    intptr_t start, end;
} soc_reserved_region_t;

#define SOC_RESERVE_MEMORY_REGION(from, to, name) \
    const soc_reserved_region_t reserved_region_##name = { (from), (to) }

#endif
