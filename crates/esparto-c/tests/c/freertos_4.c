/* The same by scheme 4. */
#define ESPARTO_FREERTOS_SCHEME 4
#include "freertos.c"
