/* Esparto for Arduino on ESP32 chips: everything of esparto/esparto.h, and regions to begin with. */
#ifndef ESPARTO_ARDUINO_H
#define ESPARTO_ARDUINO_H

#include "esparto_idf.h"

#endif
