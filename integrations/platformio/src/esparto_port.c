/* The lock and the last word of this platform; esparto_library.py says where the file is. */
#if defined(ESP_PLATFORM)
#include "esparto_idf.c"
#include "esparto_idf_overlay.c"
#elif defined(__riscv)
#include "riscv.c"
#else
#error "Esparto has no port for this platform: supply the functions of esparto/port.h"
#endif
