/* The bus from C. */
#include "check.h"

static _Alignas(8) unsigned char sram[49152];
static esparto_tiers_t tiers;
static esparto_bus_t bus;

static const esparto_class_t CLASSES[] = {{ESPARTO_NAME("Small"), 64, 8},
                                          {ESPARTO_NAME("Medium"), 256, 4}};

enum { BUTTON = 3, TICK = 4 };

static uint32_t keys, display, logger;

static void bad_handles_are_refused(void) {
    esparto_message_t message = {0};
    esparto_bus_stats_t stats;
    CHECK_STATUS(esparto_bus_init(&bus, &tiers), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_bus_start(&bus), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_bus_stop(NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_bus_set_time(&bus, 1), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_bus_post(&bus, 0, BUTTON, NULL, 0, 0), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_bus_post_from_isr(&bus, 0, BUTTON, NULL, 0, 0), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_bus_receive(&bus, 0, &message), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_bus_receive(&bus, 0, NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_bus_stats(&bus, &stats), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_bus_deinit(&bus), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_message_release(&message), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_message_release(NULL), ESPARTO_NULL_POINTER);
    CHECK(esparto_bus_refused_count(&bus, ESPARTO_QUOTA) == 0);
}

static void set_up(void) {
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_init(&tiers, CLASSES, 2, 0), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_init(&bus, &tiers), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_init(&bus, &tiers), ESPARTO_ALREADY_INITIALISED);
    CHECK_STATUS(esparto_bus_register(&bus, ESPARTO_NAME("keys"), NULL, &keys), ESPARTO_OK);
    const esparto_bus_settings_t small = {.depths = {2, 2, 2, 2}, .drops_oldest = {0, 0, 1, 0}};
    CHECK_STATUS(esparto_bus_register(&bus, ESPARTO_NAME("display"), &small, &display), ESPARTO_OK);
    const esparto_bus_settings_t quota = {.burst_count = 2, .interval_ms = 100};
    CHECK_STATUS(esparto_bus_register(&bus, ESPARTO_NAME("logger"), &quota, &logger), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_register(&bus, NULL, 0, NULL, &keys), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_bus_register(&bus, ESPARTO_NAME("x"), NULL, NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_bus_subscribe(&bus, display, BUTTON), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_subscribe(&bus, logger, BUTTON), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_subscribe(&bus, 12345, BUTTON), ESPARTO_UNKNOWN_SERVICE);
    CHECK_STATUS(esparto_bus_subscribe(&bus, display, 1000), ESPARTO_UNKNOWN_TYPE);
    CHECK_STATUS(esparto_bus_post(&bus, keys, BUTTON, "x", 1, 0), ESPARTO_NOT_STARTED);
    CHECK_STATUS(esparto_bus_start(&bus), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_start(&bus), ESPARTO_ALREADY_INITIALISED);
}

static void events_are_shared_and_freed(void) {
    esparto_message_t seen = {0}, logged = {0};
    CHECK_STATUS(esparto_bus_receive(&bus, display, &seen), ESPARTO_EMPTY);
    CHECK_STATUS(esparto_bus_post(&bus, keys, BUTTON, "left", 4, ESPARTO_PRIORITY_NORMAL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_bus_post_from_isr(&bus, keys, BUTTON, "up", 2, ESPARTO_PRIORITY_CRITICAL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_bus_receive(&bus, display, &seen), ESPARTO_OK);
    CHECK(seen.size_bytes == 2 && memcmp(seen.data, "up", 2) == 0 && seen.sender == keys);
    CHECK(seen.event_type == BUTTON && seen.priority == ESPARTO_PRIORITY_CRITICAL);
    CHECK_STATUS(esparto_bus_receive(&bus, display, &seen), ESPARTO_IN_USE);
    CHECK_STATUS(esparto_bus_receive(&bus, logger, &logged), ESPARTO_OK);
    CHECK(logged.data == seen.data);
    CHECK_STATUS(esparto_message_release(&seen), ESPARTO_OK);
    CHECK_STATUS(esparto_message_release(&seen), ESPARTO_BAD_HANDLE);
    CHECK(memcmp(logged.data, "up", 2) == 0);
    CHECK_STATUS(esparto_message_release(&logged), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_receive(&bus, display, &seen), ESPARTO_OK);
    CHECK(memcmp(seen.data, "left", 4) == 0);
    CHECK_STATUS(esparto_message_release(&seen), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_receive(&bus, logger, &seen), ESPARTO_OK);
    CHECK_STATUS(esparto_message_release(&seen), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_post(&bus, keys, TICK, NULL, 0, ESPARTO_PRIORITY_LOW), ESPARTO_OK);

    esparto_bus_stats_t stats;
    CHECK_STATUS(esparto_bus_stats(&bus, &stats), ESPARTO_OK);
    CHECK(stats.is_started && stats.posted_count == 3 && stats.delivered_count == 4);
    CHECK(stats.alive_count == 0 && stats.service_count == 3 && stats.peak_count == 2);
    CHECK_STATUS(esparto_bus_stats(&bus, NULL), ESPARTO_NULL_POINTER);
    esparto_class_stats_t class;
    CHECK_STATUS(esparto_tiers_class_stats(&tiers, 0, &class), ESPARTO_OK);
    CHECK(class.used_count == 0);
}

static void refusals_have_names(void) {
    static char large[40000];
    CHECK_STATUS(esparto_bus_post(&bus, keys, BUTTON, NULL, 4, 1), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_bus_post_from_isr(&bus, keys, BUTTON, NULL, 4, 1), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_bus_post(&bus, keys, BUTTON, "x", 1, 4), ESPARTO_BAD_PRIORITY);
    CHECK_STATUS(esparto_bus_post_from_isr(&bus, keys, BUTTON, "x", 1, 4), ESPARTO_BAD_PRIORITY);
    /* However it was posted, a refusal counts. */
    CHECK(esparto_bus_refused_count(&bus, ESPARTO_NULL_POINTER) == 2);
    CHECK(esparto_bus_refused_count(&bus, ESPARTO_BAD_PRIORITY) == 2);
    CHECK_STATUS(esparto_bus_post(&bus, 777, BUTTON, "x", 1, 1), ESPARTO_UNKNOWN_SERVICE);
    CHECK_STATUS(esparto_bus_post(&bus, keys, 64, "x", 1, 1), ESPARTO_UNKNOWN_TYPE);
    esparto_status_t status =
        esparto_bus_post_from_isr(&bus, keys, BUTTON, large, sizeof large, 1);
    CHECK(status == ESPARTO_TOO_LARGE || status == ESPARTO_NO_MEMORY);
    CHECK_STATUS(esparto_bus_post(&bus, keys, BUTTON, "1", 1, ESPARTO_PRIORITY_NORMAL), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_post(&bus, keys, BUTTON, "2", 1, ESPARTO_PRIORITY_NORMAL), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_post(&bus, keys, BUTTON, "3", 1, ESPARTO_PRIORITY_NORMAL),
                 ESPARTO_QUEUE_FULL);
    CHECK(esparto_bus_refused_count(&bus, ESPARTO_QUEUE_FULL) == 1);
    CHECK(esparto_bus_refused_count(&bus, ESPARTO_OK) == 0);
    CHECK_STATUS(esparto_bus_stop(&bus), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_stop(&bus), ESPARTO_NOT_STARTED);
    CHECK_STATUS(esparto_bus_start(&bus), ESPARTO_OK);

    CHECK_STATUS(esparto_bus_set_time(&bus, 1000), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_post(&bus, logger, TICK, "x", 1, 1), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_post(&bus, logger, TICK, "x", 1, 1), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_post(&bus, logger, TICK, "x", 1, 1), ESPARTO_QUOTA);
    CHECK_STATUS(esparto_bus_set_time(&bus, 1100), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_post(&bus, logger, TICK, "x", 1, 1), ESPARTO_OK);
    CHECK(esparto_bus_refused_count(&bus, ESPARTO_QUOTA) == 1);
}

static uint32_t clock_ms = 2000;

static uint32_t now_ms(void *context) {
    (void)context;
    return clock_ms;
}

static void wait_ms(uint32_t limit_ms, void *context) {
    clock_ms += limit_ms < 10 ? limit_ms : 10;
    if (clock_ms == *(uint32_t *)context) {
        CHECK_STATUS(esparto_bus_post(&bus, keys, BUTTON, "late", 4, 1), ESPARTO_OK);
    }
}

static void waiting_ends(void) {
    uint32_t post_at = 0;
    esparto_wait_t wait = {now_ms, wait_ms, &post_at};
    esparto_message_t message = {0};
    CHECK_STATUS(esparto_bus_receive_timeout(&bus, display, &message, &wait, 50), ESPARTO_TIMED_OUT);
    CHECK(clock_ms == 2050);
    post_at = clock_ms + 30;
    CHECK_STATUS(esparto_bus_receive_timeout(&bus, display, &message, &wait, ESPARTO_FOREVER),
                 ESPARTO_OK);
    CHECK(memcmp(message.data, "late", 4) == 0 && clock_ms == post_at);
    CHECK_STATUS(esparto_message_release(&message), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_receive_timeout(&bus, display, &message, NULL, 50),
                 ESPARTO_NULL_POINTER);
    wait.wait = NULL;
    CHECK_STATUS(esparto_bus_receive_timeout(&bus, display, &message, &wait, 50),
                 ESPARTO_NULL_POINTER);
    wait.wait = wait_ms;
    post_at = 0;
    for (int k = 0; k < 2; k++) {
        CHECK_STATUS(esparto_bus_post_timeout(&bus, keys, BUTTON, "x", 1, 1, &wait, 20), ESPARTO_OK);
    }
    CHECK_STATUS(esparto_bus_post_timeout(&bus, keys, BUTTON, "x", 1, 1, &wait, 20),
                 ESPARTO_TIMED_OUT);
    CHECK_STATUS(esparto_bus_post_timeout(&bus, keys, BUTTON, "x", 1, 9, &wait, 20),
                 ESPARTO_BAD_PRIORITY);
}

int main(void) {
    bad_handles_are_refused();
    set_up();
    events_are_shared_and_freed();
    refusals_have_names();
    waiting_ends();
    CHECK_STATUS(esparto_bus_unsubscribe(&bus, display, BUTTON), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_unsubscribe(&bus, display, 64), ESPARTO_UNKNOWN_TYPE);
    CHECK_STATUS(esparto_bus_unregister(&bus, display), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_unregister(&bus, display), ESPARTO_UNKNOWN_SERVICE);
    CHECK_STATUS(esparto_bus_deinit(&bus), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_start(&bus), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_tiers_deinit(&tiers), ESPARTO_OK);
    puts("bus: ok");
    return 0;
}
