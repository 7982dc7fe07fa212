/* What the two-tier service is for a file that includes its header and nothing of ESP-IDF's. */
#include "esparto/compat/kraken.h"

#include "idf.h"

const unsigned small_bytes_alone = CONFIG_SYSTEM_SERVICE_MEMORY_POOL_SMALL_SIZE;
const unsigned small_count_alone = CONFIG_SYSTEM_SERVICE_MEMORY_POOL_SMALL_COUNT;
#if CONFIG_SPIRAM
const bool has_psram_alone = true;
#else
const bool has_psram_alone = false;
#endif
