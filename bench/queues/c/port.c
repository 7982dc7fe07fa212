/* The part of a port that a scheduler needs, which never starts here. */
#include "FreeRTOS.h"
#include "queue.h"
#include "task.h"

/* As once the scheduler runs: the macros of the port count in it. */
size_t xCriticalNesting = 0;

BaseType_t xPortStartScheduler(void) { return pdFALSE; }
void vPortEndScheduler(void) {}
StackType_t *pxPortInitialiseStack(StackType_t *top, TaskFunction_t code, void *parameters)
{
    (void) code;
    (void) parameters;
    return top;
}

#define ITEM_BYTES 64
#define LENGTH 16

static StaticQueue_t control;
static uint8_t storage[LENGTH * ITEM_BYTES];

void *bench_queue_new(void)
{
    return xQueueCreateStatic(LENGTH, ITEM_BYTES, storage, &control);
}

int bench_queue_send(void *queue, const void *item)
{
    return xQueueSend((QueueHandle_t) queue, item, 0) == pdPASS;
}

int bench_queue_receive(void *queue, void *item)
{
    return xQueueReceive((QueueHandle_t) queue, item, 0) == pdPASS;
}
