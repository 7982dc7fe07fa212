/* The same by scheme 2. */
#define ESPARTO_FREERTOS_SCHEME 2
#include "freertos.c"
