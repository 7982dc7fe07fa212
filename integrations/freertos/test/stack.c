/*
 * A task with an array of 400 bytes: with 1024 bytes of stack it overruns them and is named, by the
 * kernel's canary and by ours; with 1500 it lives. High-water marks in words and in bytes.
 */
#include "board.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "esparto/esparto.h"

static volatile int overflow_count;
static char overflowed[configMAX_TASK_NAME_LEN];

void vApplicationStackOverflowHook(TaskHandle_t task, char *name) {
    overflow_count++;
    strncpy(overflowed, name, sizeof overflowed - 1);
    /* The kernel is in the middle of a switch: who watches ends the task. */
    (void)task;
}

static volatile int round_count;

/* As the logs of firmware print: into a line of their own, on the stack of whoever calls. */
static __attribute__((noinline)) void print_line(const char *format, ...) {
    char line[128];
    va_list values;
    va_start(values, format);
    const int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    CHECK(length > 0);
    fputs(line, stdout);
}

/* An array, a print, and the same again. */
static void test_task(void *parameter) {
    (void)parameter;
    for (;;) {
        int a = 1;
        volatile int b[100];
        for (int k = 0; k < 100; k++) {
            b[k] = a + 1;
        }
        print_line("%d %5.1f\n", b[0], (double)b[99]);
        round_count++;
        vTaskDelay(1);
    }
}

typedef struct {
    const char *name;
    size_t stack_bytes;
    int dies;
} case_t;

/* Neighbours on both sides of a stack, which an overrun of a few bytes does not reach. */
enum { MARGIN_BYTES = 512 };
static uint8_t memory[2 * MARGIN_BYTES + 2048] __attribute__((aligned(16)));
static esparto_stack_t stack;
static StaticTask_t control;

static void run(const case_t *task) {
    memset(memory, 0, sizeof memory);
    overflow_count = 0;
    round_count = 0;
    uint8_t *start = memory + MARGIN_BYTES;
    CHECK(esparto_stack_adopt(&stack, task->name, strlen(task->name), start, task->stack_bytes) ==
          ESPARTO_OK);
    TaskHandle_t handle =
        xTaskCreateStatic(test_task, task->name, task->stack_bytes / sizeof(StackType_t), NULL, 2,
                          (StackType_t *)(void *)start, &control);
    CHECK(handle != NULL);
    vTaskDelay(20);

    const unsigned kernel_words = (unsigned)uxTaskGetStackHighWaterMark(handle);
    printf("%s: %u bytes of stack, %d rounds, never used: %u words, %u bytes%s%s\n", task->name,
           (unsigned)task->stack_bytes, round_count,
           kernel_words, kernel_words * 4,
           overflow_count != 0 ? ", overrun by " : "", overflow_count != 0 ? overflowed : "");
    if (task->dies) {
        CHECK(overflow_count != 0 && strcmp(overflowed, task->name) == 0);
        CHECK(esparto_stack_check(&stack) == ESPARTO_STACK_OVERRUN);
        char text[200];
        CHECK(esparto_stack_describe(&stack, text, sizeof text) > 0);
        CHECK(strstr(text, task->name) != NULL && strstr(text, "overran its stack") != NULL);
        printf("%s\n", text);
    } else {
        CHECK(overflow_count == 0 && round_count >= 15 && kernel_words > 0);
    }
    vTaskDelete(handle);
    vTaskDelay(5);
    CHECK(esparto_stack_deinit(&stack) == ESPARTO_OK);
}

static void check(void *parameter) {
    (void)parameter;
    const case_t cases[] = {{"small", 1024, 1}, {"enough", 1500 / 16 * 16, 0}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        run(&cases[k]);
    }
    board_end("stack");
}

int main(void) {
    CHECK(xTaskCreate(check, "check", 1024, NULL, 1, NULL) == pdPASS);
    board_run();
}
