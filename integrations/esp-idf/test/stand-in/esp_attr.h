#ifndef STAND_IN_ESP_ATTR_H
#define STAND_IN_ESP_ATTR_H

#include "sdkconfig.h"

#define IRAM_ATTR __attribute__((section(".iram1.test")))
#if CONFIG_SPIRAM_ALLOW_BSS_SEG_EXTERNAL_MEMORY
#define EXT_RAM_BSS_ATTR __attribute__((section("ext_ram_bss")))
#else
#define EXT_RAM_BSS_ATTR
#endif

#endif
