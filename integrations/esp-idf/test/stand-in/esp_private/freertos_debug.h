#ifndef STAND_IN_FREERTOS_DEBUG_H
#define STAND_IN_FREERTOS_DEBUG_H

#include "freertos/task.h"

typedef struct {
    void *pxTCB;
    StackType_t *pxTopOfStack;
    StackType_t *pxEndOfStack;
} TaskSnapshot_t;

BaseType_t vTaskGetSnapshot(TaskHandle_t task, TaskSnapshot_t *snapshot);

#endif
