#ifndef STAND_IN_FREERTOS_H
#define STAND_IN_FREERTOS_H

typedef struct {
    int depth;
} portMUX_TYPE;

#define portMUX_INITIALIZER_UNLOCKED { 0 }
#define portENTER_CRITICAL_SAFE(mux) ((mux)->depth++)
#define portEXIT_CRITICAL_SAFE(mux) ((mux)->depth--)

#endif
