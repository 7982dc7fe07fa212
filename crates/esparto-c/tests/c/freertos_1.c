/* The same by scheme 1. */
#define ESPARTO_FREERTOS_SCHEME 1
#include "freertos.c"
