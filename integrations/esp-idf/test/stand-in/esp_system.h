#ifndef STAND_IN_ESP_SYSTEM_H
#define STAND_IN_ESP_SYSTEM_H

void esp_system_abort(const char *details) __attribute__((noreturn));

#endif
