/* The same by scheme 5. */
#define ESPARTO_FREERTOS_SCHEME 5
#include "freertos.c"
