#ifndef STAND_IN_ESP_ROM_SYS_H
#define STAND_IN_ESP_ROM_SYS_H

int esp_rom_printf(const char *format, ...);

#endif
