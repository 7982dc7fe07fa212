/* Files of the folder `data` where the emulator runs. */
#ifndef STAND_IN_LITTLEFS_H
#define STAND_IN_LITTLEFS_H

#include <Arduino.h>

class File {
public:
    explicit File(FILE *file = nullptr) : file_(file) {}
    explicit operator bool() const { return file_ != nullptr; }
    size_t size() {
        fseek(file_, 0, SEEK_END);
        return (size_t)ftell(file_);
    }
    bool seek(uint32_t position) { return fseek(file_, (long)position, SEEK_SET) == 0; }
    size_t read(uint8_t *buffer, size_t size) { return fread(buffer, 1, size, file_); }
    void close() {
        fclose(file_);
        file_ = nullptr;
    }

private:
    FILE *file_;
};

class LittleFSFS {
public:
    bool begin() { return true; }
    File open(const char *path) {
        char name[80];
        snprintf(name, sizeof name, "data%s", path);
        return File(fopen(name, "rb"));
    }
};

extern LittleFSFS LittleFS;

#endif
