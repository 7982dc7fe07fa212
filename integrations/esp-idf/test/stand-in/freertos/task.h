#ifndef STAND_IN_TASK_H
#define STAND_IN_TASK_H

#include <stdint.h>

typedef int BaseType_t;
typedef uint8_t StackType_t;
typedef struct task *TaskHandle_t;

TaskHandle_t xTaskGetCurrentTaskHandle(void);
void vTaskDelay(uint32_t ticks);
BaseType_t xPortInIsrContext(void);

#endif
