/* The same by scheme 3. */
#define ESPARTO_FREERTOS_SCHEME 3
#include "freertos.c"
