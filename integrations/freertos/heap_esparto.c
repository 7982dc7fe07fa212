/*
 * Esparto as the heap of the FreeRTOS kernel: take this file instead of one of portable/MemMang, and
 * link libesparto_c. What it does is in esparto/compat/freertos.h, which says what
 * ESPARTO_FREERTOS_SCHEME chooses.
 */
#include "FreeRTOS.h"
#include "task.h"

#if configSUPPORT_DYNAMIC_ALLOCATION == 0
#error "without configSUPPORT_DYNAMIC_ALLOCATION the kernel needs no heap: leave this file out"
#endif

/* For the whole program. */
#define ESPARTO_FREERTOS_FUNCTION
#include "esparto/compat/freertos.h"
