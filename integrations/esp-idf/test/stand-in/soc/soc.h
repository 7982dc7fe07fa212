/* Data and instructions have the same addresses on the emulated core; the ranges of its heaps are those
   of the test. */
#ifndef STAND_IN_SOC_H
#define STAND_IN_SOC_H

#include "idf.h"

#define SOC_DRAM_LOW ((uintptr_t)internal_memory)
#define SOC_DRAM_HIGH ((uintptr_t)internal_memory + INTERNAL_BYTES)
#define SOC_EXTRAM_DATA_LOW ((uintptr_t)external_memory)
#define SOC_EXTRAM_DATA_HIGH ((uintptr_t)external_memory + EXTERNAL_BYTES)

#endif
