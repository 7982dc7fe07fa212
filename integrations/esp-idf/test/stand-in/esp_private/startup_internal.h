#ifndef STAND_IN_STARTUP_INTERNAL_H
#define STAND_IN_STARTUP_INTERNAL_H

#include "esp_err.h"

#define BIT(number) (1u << (number))

/* The test calls it by this name; ESP-IDF from its start-up. */
#define ESP_SYSTEM_INIT_FN(name, stage, cores, priority) esp_err_t stand_in_start_##name(void)

esp_err_t stand_in_start_esparto_regions(void);

#endif
