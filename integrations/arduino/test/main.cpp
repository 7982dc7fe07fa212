// What Arduino's core does with a sketch, twice round.
#include <Arduino.h>
#include <LittleFS.h>

HardwareSerial Serial;
LittleFSFS LittleFS;

void delay(uint32_t) {}

bool psramFound() {
    return true;
}

int main() {
    setup();
    loop();
    loop();
    puts("sketch: ok");
    return 0;
}
