#ifndef STAND_IN_ARDUINO_H
#define STAND_IN_ARDUINO_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

class HardwareSerial {
public:
    void begin(unsigned long) {}
    size_t print(const char *text) { return printf("%s", text); }
    size_t println(const char *text) { return printf("%s\n", text); }
    size_t printf(const char *format, ...) __attribute__((format(printf, 2, 3))) {
        va_list arguments;
        va_start(arguments, format);
        const int count = vprintf(format, arguments);
        va_end(arguments);
        return (size_t)count;
    }
};

extern HardwareSerial Serial;

void delay(uint32_t milliseconds);
bool psramFound();

void setup();
void loop();

#endif
