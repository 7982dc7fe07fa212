/* Esparto: memory for ESP32-class microcontrollers. Generated from the Rust sources: do not edit. */

#ifndef ESPARTO_H
#define ESPARTO_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/** A name for people and traces: text that lives for ever, and its length. */
#define ESPARTO_NAME(text) (text), (sizeof(text) - 1)

/** What blocks are aligned to that ask for nothing else: the word. */
#define ESPARTO_ALIGN_BYTES (sizeof(void *))


/**
 * The most services of a bus.
 */
#define ESPARTO_SERVICE_LIMIT 16

/**
 * How many types of events there are: 0 to this less 1.
 */
#define ESPARTO_EVENT_TYPE_LIMIT 64

/**
 * The most events of a bus that are alive at once.
 */
#define ESPARTO_EVENT_LIMIT 64

/**
 * The priorities of events: the lowest. When there is no room, the oldest of these makes some.
 */
#define ESPARTO_PRIORITY_LOW 0

/**
 * What most events have.
 */
#define ESPARTO_PRIORITY_NORMAL 1

/**
 * Before normal ones.
 */
#define ESPARTO_PRIORITY_HIGH 2

/**
 * Before all others.
 */
#define ESPARTO_PRIORITY_CRITICAL 3

/**
 * A time-out that is never over.
 */
#define ESPARTO_FOREVER UINT32_MAX

/**
 * On the chip: no bus, no cache in between.
 */
#define ESPARTO_INTERNAL (1 << 0)

/**
 * Behind a serial bus and a cache (PSRAM).
 */
#define ESPARTO_EXTERNAL (1 << 1)

/**
 * Within reach of the DMA controllers.
 */
#define ESPARTO_DMA (1 << 2)

/**
 * The core can fetch instructions from it.
 */
#define ESPARTO_EXEC (1 << 3)

/**
 * Loads and stores of 8 and 16 bits work.
 */
#define ESPARTO_BYTE (1 << 4)

/**
 * Aligned loads and stores of 32 bits work.
 */
#define ESPARTO_WORD (1 << 5)

/**
 * Read-modify-write atomics work.
 */
#define ESPARTO_ATOMIC (1 << 6)

/**
 * Reachable from an interrupt handler at any time, the flash cache being off included.
 */
#define ESPARTO_ISR_SAFE (1 << 7)

/**
 * Kept powered in deep sleep.
 */
#define ESPARTO_RTC (1 << 8)

/**
 * How many blocks can have a record at once.
 */
#define ESPARTO_MICROUSC_RECORD_LIMIT 100

/**
 * How many violations wait to be taken; what comes when there are more is counted.
 */
#define ESPARTO_VIOLATION_LIMIT 8

/**
 * How many live blocks of a guarded pool have a record; what is beyond is counted.
 */
#define ESPARTO_GUARD_RECORD_LIMIT 32

/**
 * What a guard takes of each block of a pool: make the blocks larger by that.
 */
#define ESPARTO_GUARD_BYTES 24

/**
 * How many live blocks have a record; what is beyond is counted.
 */
#define ESPARTO_LEAK_RECORD_LIMIT 256

/**
 * Payloads of events: internal memory, within reach of interrupt handlers.
 */
#define ESPARTO_USE_EVENT 0

/**
 * Data of system services: internal memory first, always with atomics.
 */
#define ESPARTO_USE_SYSTEM 1

/**
 * Data of the application: internal when small, external from `ESPARTO_LARGE_FROM_BYTES` on, either
 * when the other is full.
 */
#define ESPARTO_USE_APPLICATION 2

/**
 * Buffers of DMA: internal, whatever the size.
 */
#define ESPARTO_USE_DMA 3

/**
 * What interrupt handlers touch: never external memory.
 */
#define ESPARTO_USE_ISR 4

/**
 * What is large to `esparto_malloc_for`.
 */
#define ESPARTO_LARGE_FROM_BYTES 4096

/**
 * The most readings of which a monitor remembers what it told.
 */
#define ESPARTO_MONITOR_READING_LIMIT 24

/**
 * Fragmentation is usually too high from here on, in percent.
 */
#define ESPARTO_LIMIT_FRAGMENTATION_PERCENT 30

/**
 * Too little is usually free below this.
 */
#define ESPARTO_LIMIT_FREE_BYTES 10240

/**
 * Too little of a stack was usually never used below this.
 */
#define ESPARTO_LIMIT_STACK_BYTES 128

/**
 * The most slots of a firmware.
 */
#define ESPARTO_SLOT_LIMIT 8

/**
 * The most overlays of a firmware.
 */
#define ESPARTO_OVERLAY_LIMIT 64

/**
 * The least length of the buffer that files are read through. Relocatable and compressed overlays want
 * 2,576 bytes.
 */
#define ESPARTO_BOUNCE_BYTES 512

/**
 * Every region by itself.
 */
#define ESPARTO_SOURCE_MEMORY 0

/**
 * All regions that have `caps`, as one; `name` is for people.
 */
#define ESPARTO_SOURCE_CAPS 1

/**
 * A pool: `what` is its handle, and `name` for people.
 */
#define ESPARTO_SOURCE_POOL 2

/**
 * Every class of tiers: `what` is their handle.
 */
#define ESPARTO_SOURCE_TIERS 3

/**
 * A stack: `what` is its handle.
 */
#define ESPARTO_SOURCE_STACK 4

/**
 * A bus: `what` is its handle, and `name` for people.
 */
#define ESPARTO_SOURCE_BUS 5

/**
 * The most classes of tiers.
 */
#define ESPARTO_CLASS_LIMIT 8

/**
 * How many events may wait to be written; what comes when there are more is counted.
 */
#define ESPARTO_TRACE_EVENT_LIMIT 256

/**
 * How many heaps that are not Esparto's a trace can tell of.
 */
#define ESPARTO_TRACE_HEAP_LIMIT 8

/**
 * The outcome of a call. Numbers never change; new ones are added behind.
 */
typedef enum esparto_status_t {
    /**
     * It was done.
     */
    ESPARTO_OK = 0,
    /**
     * A pointer that must not be null is.
     */
    ESPARTO_NULL_POINTER = 1,
    /**
     * A size or a count is 0.
     */
    ESPARTO_ZERO_SIZE = 2,
    /**
     * A product or a sum of sizes is more than the address space.
     */
    ESPARTO_OVERFLOW = 3,
    /**
     * An alignment is no power of two, or too small or large here.
     */
    ESPARTO_BAD_ALIGN = 4,
    /**
     * A capability that does not exist, or memory without the one that is needed.
     */
    ESPARTO_BAD_CAPS = 5,
    /**
     * A name is too long or no printable ASCII.
     */
    ESPARTO_BAD_NAME = 6,
    /**
     * A handle that was not set up, was ended or moved, or is of another kind.
     */
    ESPARTO_BAD_HANDLE = 7,
    /**
     * A handle or a region that is there already.
     */
    ESPARTO_ALREADY_INITIALISED = 8,
    /**
     * Called from inside another operation of the same memory.
     */
    ESPARTO_REENTERED = 9,
    /**
     * No such region, class or service.
     */
    ESPARTO_NOT_FOUND = 10,
    /**
     * Blocks are in use.
     */
    ESPARTO_IN_USE = 11,
    /**
     * Start or length of memory is not aligned.
     */
    ESPARTO_MISALIGNED = 12,
    /**
     * Memory or blocks are too small for this.
     */
    ESPARTO_TOO_SMALL = 13,
    /**
     * More than can be managed, or than the largest region has.
     */
    ESPARTO_TOO_LARGE = 14,
    /**
     * Every place is taken.
     */
    ESPARTO_TOO_MANY = 15,
    /**
     * No region has what the request requires.
     */
    ESPARTO_NO_REGION = 16,
    /**
     * There is no free block for it now.
     */
    ESPARTO_EXHAUSTED = 17,
    /**
     * A region overlaps another one.
     */
    ESPARTO_OVERLAPS = 18,
    /**
     * No internal region has room for a control block.
     */
    ESPARTO_NO_INTERNAL_MEMORY = 19,
    /**
     * A pointer that is not of this memory or pool.
     */
    ESPARTO_FOREIGN = 20,
    /**
     * A pointer into a block, not at its start.
     */
    ESPARTO_INTERIOR = 21,
    /**
     * A block that is free already.
     */
    ESPARTO_REPEATED = 22,
    /**
     * Not a live block: foreign, interior or freed twice.
     */
    ESPARTO_NOT_A_BLOCK = 23,
    /**
     * Bookkeeping or a free block was written over.
     */
    ESPARTO_CORRUPT = 24,
    /**
     * A stack was overrun.
     */
    ESPARTO_STACK_OVERRUN = 25,
    /**
     * Too little is free, or it is in too many pieces, or a class is full or failed.
     */
    ESPARTO_UNHEALTHY = 26,
    /**
     * There is more to check: call again.
     */
    ESPARTO_MORE = 27,
    /**
     * Something that this version has no name for.
     */
    ESPARTO_OTHER = 28,
    /**
     * The bus is not started, or was stopped.
     */
    ESPARTO_NOT_STARTED = 29,
    /**
     * There is no such priority.
     */
    ESPARTO_BAD_PRIORITY = 30,
    /**
     * The service is not registered.
     */
    ESPARTO_UNKNOWN_SERVICE = 31,
    /**
     * The bus has no events of this type.
     */
    ESPARTO_UNKNOWN_TYPE = 32,
    /**
     * No event waits.
     */
    ESPARTO_EMPTY = 33,
    /**
     * A queue of a subscriber is full.
     */
    ESPARTO_QUEUE_FULL = 34,
    /**
     * The sender has used its quota up.
     */
    ESPARTO_QUOTA = 35,
    /**
     * There was nothing, or no room, until the time was over.
     */
    ESPARTO_TIMED_OUT = 36,
    /**
     * There is no memory for the payload now.
     */
    ESPARTO_NO_MEMORY = 37,
    /**
     * Called from an interrupt handler, where that is not allowed.
     */
    ESPARTO_IN_INTERRUPT = 38,
    /**
     * The firmware was not made by the packer, or by that of another release.
     */
    ESPARTO_NOT_PACKED = 39,
    /**
     * There is no such file on the storage.
     */
    ESPARTO_NO_FILE = 40,
    /**
     * The storage could not be read.
     */
    ESPARTO_STORAGE_FAILED = 41,
    /**
     * A file of an overlay is damaged, cut off or none.
     */
    ESPARTO_BAD_IMAGE = 42,
    /**
     * A file is of another overlay, build, chip, core, slot or place.
     */
    ESPARTO_WRONG_IMAGE = 43,
    /**
     * The overlay was unloaded: load it first.
     */
    ESPARTO_UNLOADED = 44,
} esparto_status_t;

/**
 * What a guard found. Numbers never change; new ones are added behind.
 */
typedef enum esparto_violation_kind_t {
    /**
     * Somebody wrote behind the end of a block.
     */
    ESPARTO_VIOLATION_OVERRUN = 0,
    /**
     * Somebody wrote in front of the start of a block.
     */
    ESPARTO_VIOLATION_UNDERRUN = 1,
    /**
     * Somebody wrote further in front of a block, over what the guard keeps there.
     */
    ESPARTO_VIOLATION_HEADER = 2,
    /**
     * Somebody wrote to a block after it was given back.
     */
    ESPARTO_VIOLATION_WRITTEN_AFTER_FREE = 3,
    /**
     * A block was given back that is free. Refused.
     */
    ESPARTO_VIOLATION_REPEATED = 4,
    /**
     * A pointer into a block was given back. Refused.
     */
    ESPARTO_VIOLATION_INTERIOR = 5,
    /**
     * A pointer was given back that is of no live block. Refused.
     */
    ESPARTO_VIOLATION_FOREIGN = 6,
    /**
     * A block was given back or resized as another size than it has. Done with the true one.
     */
    ESPARTO_VIOLATION_LAYOUT = 7,
    /**
     * Something that this version has no name for.
     */
    ESPARTO_VIOLATION_UNKNOWN = 8,
} esparto_violation_kind_t;

/**
 * What kind of trouble it is. Numbers never change; new ones are added behind.
 */
typedef enum esparto_diagnosis_t {
    /**
     * Less is free than should be.
     */
    ESPARTO_DIAGNOSIS_LOW_FREE_HEAP = 0,
    /**
     * What is free is in too many pieces.
     */
    ESPARTO_DIAGNOSIS_FRAGMENTATION = 1,
    /**
     * A region, a pool or a stack could not be set up.
     */
    ESPARTO_DIAGNOSIS_INIT_FAILURE = 2,
    /**
     * A request could not be met.
     */
    ESPARTO_DIAGNOSIS_EXHAUSTION = 3,
    /**
     * Bookkeeping, or memory that is nobody's, was written over.
     */
    ESPARTO_DIAGNOSIS_CORRUPTION = 4,
    /**
     * Something starts where it must not.
     */
    ESPARTO_DIAGNOSIS_MISALIGNMENT = 5,
    /**
     * Little of a stack was never used.
     */
    ESPARTO_DIAGNOSIS_LOW_STACK = 6,
    /**
     * A task ran over the end of its stack.
     */
    ESPARTO_DIAGNOSIS_STACK_OVERRUN = 7,
    /**
     * Something was given back that is no live block, or a request made no sense.
     */
    ESPARTO_DIAGNOSIS_WRONG_USE = 8,
    /**
     * Events were lost.
     */
    ESPARTO_DIAGNOSIS_LOST_EVENTS = 9,
    /**
     * Something that this version has no name for.
     */
    ESPARTO_DIAGNOSIS_UNKNOWN = 10,
} esparto_diagnosis_t;

/**
 * A bus. Zeroed, or of static duration, before it is set up; not to be copied.
 */
typedef struct esparto_bus_t {
    /**
     * Private.
     */
    uint64_t opaque[960];
} esparto_bus_t;

/**
 * Pools of several block sizes with the heap behind. Zeroed, or of static duration, before they are
 * set up; not to be copied.
 */
typedef struct esparto_tiers_t {
    /**
     * Private.
     */
    size_t opaque[320];
} esparto_tiers_t;

/**
 * How a service takes part. Zeroed, it is as if null were given: 16 events of each priority may wait,
 * and there is no quota.
 */
typedef struct esparto_bus_settings_t {
    /**
     * How many events of each priority may wait; 0 is 16.
     */
    uint16_t depths[4];
    /**
     * By priority: is the oldest dropped when there are more? Else the post is refused. Of LOW the
     * oldest is always dropped.
     */
    bool drops_oldest[4];
    /**
     * How many events the service may post at once; 0 is no limit.
     */
    uint16_t burst_count;
    /**
     * After how many milliseconds it may post one more.
     */
    uint32_t interval_ms;
} esparto_bus_settings_t;

/**
 * How a task waits: with a clock in milliseconds, and a way to let others run for a while. Both are
 * called outside of locks.
 */
typedef struct esparto_wait_t {
    /**
     * The time, from anywhere; it may wrap.
     */
    uint32_t (*now_ms)(void *context);
    /**
     * Lets others run, for this long at the most.
     */
    void (*wait)(uint32_t limit_ms, void *context);
    /**
     * Handed to both.
     */
    void *context;
} esparto_wait_t;

/**
 * A received event. Its bytes stay until it is released.
 */
typedef struct esparto_message_t {
    /**
     * The payload; not null, even if it is empty.
     */
    const void *data;
    /**
     * Its size.
     */
    size_t size_bytes;
    /**
     * Who posted it.
     */
    uint32_t sender;
    /**
     * What kind of event it is.
     */
    uint16_t event_type;
    /**
     * How urgent it is.
     */
    uint8_t priority;
    /**
     * Private.
     */
    size_t opaque[10];
} esparto_message_t;

/**
 * A bus at one moment.
 */
typedef struct esparto_bus_stats_t {
    /**
     * Does it run?
     */
    bool is_started;
    /**
     * Events posted, those that nobody had subscribed to included.
     */
    uint32_t posted_count;
    /**
     * Events received; one that several subscribers received counts for each.
     */
    uint32_t delivered_count;
    /**
     * Events that a subscriber lost.
     */
    uint32_t dropped_count;
    /**
     * Posts refused.
     */
    uint32_t refused_count;
    /**
     * Events alive: waiting, or being looked at.
     */
    size_t alive_count;
    /**
     * The most that were ever alive at once.
     */
    size_t peak_count;
    /**
     * The services registered.
     */
    size_t service_count;
} esparto_bus_stats_t;

/**
 * A free block: the next one.
 */
typedef struct esparto_microusc_block_t {
    /**
     * The next free block; null after the last.
     */
    struct esparto_microusc_block_t *next;
} esparto_microusc_block_t;

/**
 * What lies behind the blocks; one bit for each of them follows: is it in use?
 */
typedef struct Table {
    uint32_t refused_count;
    /**
     * Did the pool's own descriptor come from the heap?
     */
    bool owns_descriptor;
} Table;

/**
 * A pool: five fields to read, and a private one.
 */
typedef struct esparto_microusc_pool_t {
    /**
     * The first free block; null when all are in use.
     */
    struct esparto_microusc_block_t *memory_free;
    /**
     * The first block.
     */
    void *memory;
    /**
     * A block's size, rounded up to its alignment.
     */
    size_t block_size;
    /**
     * How many blocks there are.
     */
    size_t num_blocks;
    /**
     * How many of them are free.
     */
    size_t free_blocks;
    /**
     * Private: what is known of the blocks, behind the last of them.
     */
    struct Table *table;
} esparto_microusc_pool_t;

/**
 * Who took a block, and when.
 */
typedef struct esparto_microusc_record_t {
    /**
     * The block; null in a place that is free.
     */
    void *address;
    /**
     * The time, in any unit.
     */
    uint32_t timestamp;
    /**
     * The line.
     */
    uint32_t line;
    /**
     * The file, which lives for ever.
     */
    const char *file;
} esparto_microusc_record_t;

/**
 * What a guard found. What a kind has no use for is 0, and so is what is not known.
 */
typedef struct esparto_violation_t {
    /**
     * What it is.
     */
    enum esparto_violation_kind_t kind;
    /**
     * The block that it is about; of a foreign pointer, the pointer.
     */
    const void *block;
    /**
     * The block's size as asked for.
     */
    size_t size_bytes;
    /**
     * The first byte that was written over, or the pointer that was given back.
     */
    const void *at;
    /**
     * What that byte must be.
     */
    uint8_t expected;
    /**
     * What it is.
     */
    uint8_t actual;
    /**
     * Is there a record of the block? There is while `esparto_leaks_start` is in force, and its place is
     * not needed.
     */
    bool has_record;
    /**
     * For whom the block was asked, of those on record.
     */
    uint16_t owner;
    /**
     * The file that asked for it, not ended by a zero; null if none was said.
     */
    const char *file;
    /**
     * The length of the file's name.
     */
    size_t file_len;
    /**
     * The line.
     */
    uint32_t line;
} esparto_violation_t;

/**
 * A guard over a pool. Zeroed, or of static duration, before it is set up; not to be copied.
 */
typedef struct esparto_guarded_pool_t {
    /**
     * Private.
     */
    size_t opaque[400];
} esparto_guarded_pool_t;

/**
 * A pool of equal blocks. Zeroed, or of static duration, before it is set up; not to be copied.
 */
typedef struct esparto_pool_t {
    /**
     * Private.
     */
    size_t opaque[32];
} esparto_pool_t;

/**
 * The live blocks that one owner asked for in one line.
 */
typedef struct esparto_leak_t {
    /**
     * The file, not ended by a zero; null if none was said.
     */
    const char *file;
    /**
     * The length of the file's name.
     */
    size_t file_len;
    /**
     * The line.
     */
    uint32_t line;
    /**
     * For whom they were asked.
     */
    uint16_t owner;
    /**
     * How many there are.
     */
    size_t live_count;
    /**
     * Their bytes as asked for.
     */
    size_t live_bytes;
} esparto_leak_t;

/**
 * Is shown a leak.
 */
typedef void (*esparto_leak_fn)(const struct esparto_leak_t *leak, void *context);

/**
 * A monitor. Zeroed, or of static duration, before it is set up; not to be copied.
 */
typedef struct esparto_monitor_t {
    /**
     * Private.
     */
    size_t opaque[132];
} esparto_monitor_t;

/**
 * Something to look at.
 */
typedef struct esparto_source_t {
    /**
     * One of `ESPARTO_SOURCE_`.
     */
    uint8_t kind;
    /**
     * What its regions have, of `ESPARTO_SOURCE_CAPS`.
     */
    uint16_t caps;
    /**
     * Its handle, of those that have one.
     */
    void *what;
    /**
     * Its name, of those that have none themselves; lives for ever.
     */
    const char *name;
    /**
     * The length of the name.
     */
    size_t name_len;
} esparto_source_t;

/**
 * Something that a monitor has to tell.
 */
typedef struct esparto_finding_t {
    /**
     * What it is about: text without an end.
     */
    const char *name;
    /**
     * The length of the name.
     */
    size_t name_len;
    /**
     * What kind of trouble.
     */
    enum esparto_diagnosis_t diagnosis;
    /**
     * Is it well again? Else it began, or went wrong again.
     */
    bool is_over;
    /**
     * All of it with figures, as a line for a log with an end; there as long as the call.
     */
    const char *text;
} esparto_finding_t;

/**
 * Is told what a monitor found.
 */
typedef void (*esparto_finding_fn)(const struct esparto_finding_t *finding, void *context);

/**
 * What one look came to.
 */
typedef struct esparto_polled_t {
    /**
     * How many readings there were.
     */
    size_t reading_count;
    /**
     * How many things are in trouble, told of now or before.
     */
    size_t trouble_count;
    /**
     * How many readings were beyond `ESPARTO_MONITOR_READING_LIMIT`: their trouble is told every time.
     */
    size_t beyond_count;
} esparto_polled_t;

/**
 * The overlays of a firmware. Zeroed, or of static duration, before they are set up; for ever from then
 * on, and not to be copied.
 */
typedef struct esparto_overlays_t {
    /**
     * Private.
     */
    uint64_t opaque[320];
} esparto_overlays_t;

/**
 * Where the files of overlays are: three functions.
 */
typedef struct esparto_store_t {
    /**
     * Opens a file for reading, and says how long it is: 0, or a number of its own when it cannot, -1
     * when there is no such file. The name has no end.
     */
    int32_t (*open)(const char *name,
                    size_t name_len,
                    void **file,
                    uint32_t *len_bytes,
                    void *context);
    /**
     * Reads from byte `offset` on until the buffer is full or the file ends: how many bytes, or a
     * negative number when it cannot.
     */
    int32_t (*read_at)(void *file, uint32_t offset, void *buffer, size_t len_bytes, void *context);
    /**
     * Closes a file.
     */
    void (*close)(void *file, void *context);
} esparto_store_t;

/**
 * What the loader asks of a firmware. Zeroed functions are what is said of each, but for the store's
 * and `stack_end`, which must be there.
 */
typedef struct esparto_overlay_settings_t {
    /**
     * Where the files are.
     */
    struct esparto_store_t store;
    /**
     * How far above the data addresses of executable memory its instruction addresses are: 0 where both
     * are the same.
     */
    uint32_t code_distance_bytes;
    /**
     * Stores a word of code by its instruction address, in the place of what the distance says: where
     * words lie in another order. Null: a store by the distance.
     */
    void (*store_code)(uint32_t exec_addr, uint32_t word, void *context);
    /**
     * Makes code visible to the instruction fetch where that takes more than a fence: writes the data
     * cache back and invalidates the one of instructions. Null: nothing more.
     */
    void (*sync_code)(uint32_t exec_addr, uint32_t len_bytes, void *context);
    /**
     * One past the highest address of the running task's stack.
     */
    size_t (*stack_end)(void *context);
    /**
     * Is this an interrupt handler? Nothing is loaded in one. Null: it never is.
     */
    bool (*in_interrupt)(void *context);
    /**
     * The task that runs, any number that no other task has. Null: there is one.
     */
    uint32_t (*task)(void *context);
    /**
     * Lets others run while another task loads. Null: nobody else runs.
     */
    void (*wait)(void *context);
    /**
     * Does another task or core execute or return to code between these addresses? Null: none does.
     */
    bool (*is_elsewhere)(uint32_t start_addr, uint32_t end_addr, void *context);
    /**
     * The time in any unit, for the figures. Null: it stands still.
     */
    uint32_t (*ticks)(void *context);
    /**
     * A call through a stub was refused: what it answers instead. May not return at all. Null: 0.
     */
    uint32_t (*refused)(size_t number, enum esparto_status_t status, void *context);
    /**
     * There is nowhere to return to; should not return. Null, and behind it: the last word of the port.
     */
    void (*lost)(size_t number, enum esparto_status_t status, void *context);
    /**
     * Handed to all of them.
     */
    void *context;
} esparto_overlay_settings_t;

/**
 * Keeps an overlay where it is. Zeroed before it is used, not to be copied.
 */
typedef struct esparto_pin_t {
    /**
     * Private.
     */
    size_t opaque[8];
} esparto_pin_t;

/**
 * What the loader did since it was set up. Counts wrap.
 */
typedef struct esparto_overlay_stats_t {
    /**
     * Times that code was brought into a slot.
     */
    uint32_t load_count;
    /**
     * Times that a request found the code mapped. Calls that find it are not counted: they cost
     * nothing.
     */
    uint32_t hit_count;
    /**
     * Times that code gave way to other code.
     */
    uint32_t eviction_count;
    /**
     * Times that a load failed.
     */
    uint32_t failure_count;
    /**
     * Loads that found code back for a return or a `longjmp` into it.
     */
    uint32_t restore_count;
    /**
     * Bytes that came from the storage.
     */
    uint32_t read_bytes;
    /**
     * Bytes of code that were stored.
     */
    uint32_t code_bytes;
    /**
     * Bytes of data and zeros that were stored.
     */
    uint32_t data_bytes;
    /**
     * Ticks in the storage.
     */
    uint32_t read_ticks;
    /**
     * Ticks in all else.
     */
    uint32_t other_ticks;
} esparto_overlay_stats_t;

/**
 * A heap of one's own. Zeroed, or of static duration, before it is set up; not to be copied.
 */
typedef struct esparto_own_heap_t {
    /**
     * Private.
     */
    size_t opaque[8];
} esparto_own_heap_t;

/**
 * The free blocks of a region at one moment.
 */
typedef struct esparto_free_blocks_t {
    /**
     * How many there are.
     */
    size_t block_count;
    /**
     * The size of the smallest; 0 when there is none.
     */
    size_t smallest_bytes;
    /**
     * The largest request that would succeed now.
     */
    size_t largest_bytes;
} esparto_free_blocks_t;

/**
 * Where a check stands. Zeroed, it is at the beginning.
 */
typedef struct esparto_cursor_t {
    /**
     * Private.
     */
    size_t opaque[8];
} esparto_cursor_t;

/**
 * A pool at one moment.
 */
typedef struct esparto_pool_stats_t {
    /**
     * A block's size, rounded up to its alignment.
     */
    size_t block_bytes;
    /**
     * How many blocks there are.
     */
    size_t block_count;
    /**
     * How many are in use.
     */
    size_t used_count;
    /**
     * The most that were ever in use at once.
     */
    size_t peak_count;
    /**
     * Requests that found no block.
     */
    uint32_t failure_count;
    /**
     * Pointers outside of the pool that were given back.
     */
    uint32_t foreign_count;
    /**
     * Pointers into a block that were given back.
     */
    uint32_t interior_count;
    /**
     * Free blocks that were given back.
     */
    uint32_t repeated_count;
    /**
     * How often the free list was found written over.
     */
    uint32_t corruption_count;
} esparto_pool_stats_t;

/**
 * A stack. Zeroed, or of static duration, before it is set up; not to be copied.
 */
typedef struct esparto_stack_t {
    /**
     * Private.
     */
    size_t opaque[16];
} esparto_stack_t;

/**
 * A stack at one moment. A word of FreeRTOS is 4 bytes.
 */
typedef struct esparto_stack_stats_t {
    /**
     * Its first byte; it grows towards it.
     */
    void *start;
    /**
     * One past its last byte: where the stack pointer starts.
     */
    void *top;
    /**
     * What the task may use.
     */
    size_t usable_bytes;
    /**
     * The most that it ever used.
     */
    size_t high_water_bytes;
    /**
     * What it never used: ESP-IDF's high-water mark.
     */
    size_t unused_bytes;
    /**
     * The same in words of 4 bytes: the high-water mark of plain FreeRTOS.
     */
    size_t unused_words;
} esparto_stack_stats_t;

/**
 * A region, or all regions with some capabilities, at one moment.
 */
typedef struct esparto_heap_stats_t {
    /**
     * The length.
     */
    size_t total_bytes;
    /**
     * Bytes that requests could get.
     */
    size_t free_bytes;
    /**
     * Bytes in live blocks.
     */
    size_t allocated_bytes;
    /**
     * The largest request that would succeed now.
     */
    size_t largest_free_bytes;
    /**
     * The least that was ever free.
     */
    size_t min_free_bytes;
    /**
     * Requests that ended without a block.
     */
    size_t failure_count;
    /**
     * 100 - 100 * largest / free, in percent; 100 when nothing is free.
     */
    uint8_t fragmentation_percent;
} esparto_heap_stats_t;

/**
 * A stretch of a region: a free block, or all that lies between two of them.
 */
typedef struct esparto_stretch_t {
    /**
     * Its first byte.
     */
    void *start;
    /**
     * Its length.
     */
    size_t len_bytes;
    /**
     * Is it a free block? Else it is live blocks, side by side, and what the heap keeps for itself.
     */
    bool is_free;
} esparto_stretch_t;

/**
 * A size of blocks, and how many; a count of 0 turns it off.
 */
typedef struct esparto_class_t {
    /**
     * Its name, which lives for ever.
     */
    const char *name;
    /**
     * The length of the name.
     */
    size_t name_len;
    /**
     * A block's size.
     */
    size_t block_bytes;
    /**
     * How many blocks.
     */
    size_t block_count;
} esparto_class_t;

/**
 * A class at one moment.
 */
typedef struct esparto_class_stats_t {
    /**
     * A block's size, as asked for.
     */
    size_t block_bytes;
    /**
     * How many blocks there are; 0 when it is off.
     */
    size_t block_count;
    /**
     * How many are in use.
     */
    size_t used_count;
    /**
     * The most that were in use at once since the last reset.
     */
    size_t peak_count;
    /**
     * Blocks handed out since the last reset.
     */
    uint32_t alloc_count;
    /**
     * Blocks taken back since the last reset.
     */
    uint32_t free_count;
    /**
     * Requests of this class that went on to the heap since the last reset.
     */
    uint32_t failure_count;
    /**
     * Pointers that were refused when they were given back.
     */
    uint32_t refused_count;
} esparto_class_stats_t;

/**
 * How a trace is written.
 */
typedef struct esparto_trace_settings_t {
    /**
     * The clock, which may wrap. Called inside the lock of the memory: one read of a counter.
     */
    uint32_t (*now_ticks)(void *context);
    /**
     * Takes bytes to where the trace goes: a file, a serial line. Called outside of locks.
     */
    void (*write)(const uint8_t *bytes, size_t len_bytes, void *context);
    /**
     * Handed to both.
     */
    void *context;
    /**
     * Ticks of the clock in a second.
     */
    uint32_t tick_hz;
    /**
     * The chip, as `esparto chips` names it; may be null.
     */
    const char *chip;
    /**
     * The length of its name.
     */
    size_t chip_len;
    /**
     * The identity of the build, of which 32 bytes are kept; may be null.
     */
    const uint8_t *build_id;
    /**
     * Its length.
     */
    size_t build_id_len;
} esparto_trace_settings_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Sets a bus up, with payloads in tiers that live as long. It is not started.
 *
 * # Safety
 * Both handles are the caller's, and stay where they are until they are ended, the bus first.
 */
enum esparto_status_t esparto_bus_init(struct esparto_bus_t *bus, struct esparto_tiers_t *tiers);

/**
 * Ends a bus: stops it if it runs. Messages are to be released before.
 *
 * # Safety
 * As for `esparto_bus_init`; nobody uses the bus or a message of it any more.
 */
enum esparto_status_t esparto_bus_deinit(struct esparto_bus_t *bus);

/**
 * Starts a bus.
 *
 * # Safety
 * The handle is null or a handle that nobody sets up or ends meanwhile.
 */
enum esparto_status_t esparto_bus_start(struct esparto_bus_t *bus);

/**
 * Stops a bus: what waits is freed, posts and receives are refused until it is started again.
 *
 * # Safety
 * As for `esparto_bus_start`.
 */
enum esparto_status_t esparto_bus_stop(struct esparto_bus_t *bus);

/**
 * Says what time it is, in milliseconds from anywhere; quotas refill by it.
 *
 * # Safety
 * As for `esparto_bus_start`.
 */
enum esparto_status_t esparto_bus_set_time(struct esparto_bus_t *bus, uint32_t now_ms);

/**
 * Registers a service. `settings` may be null.
 *
 * # Safety
 * As for `esparto_bus_start`; the name lives for ever, `settings` is null or can be read, `service`
 * is null or may be written.
 */
enum esparto_status_t esparto_bus_register(struct esparto_bus_t *bus,
                                           const char *service_name,
                                           size_t service_name_len,
                                           const struct esparto_bus_settings_t *settings,
                                           uint32_t *service);

/**
 * Unregisters a service; what waits for it is freed.
 *
 * # Safety
 * As for `esparto_bus_start`.
 */
enum esparto_status_t esparto_bus_unregister(struct esparto_bus_t *bus, uint32_t service);

/**
 * Lets a service get events of a type from now on.
 *
 * # Safety
 * As for `esparto_bus_start`.
 */
enum esparto_status_t esparto_bus_subscribe(struct esparto_bus_t *bus,
                                            uint32_t service,
                                            uint16_t event_type);

/**
 * Lets a service get no more events of a type. Those that wait already stay.
 *
 * # Safety
 * As for `esparto_bus_start`.
 */
enum esparto_status_t esparto_bus_unsubscribe(struct esparto_bus_t *bus,
                                              uint32_t service,
                                              uint16_t event_type);

/**
 * Posts an event: copies the data once, into memory that all subscribers share and that is free again
 * after the last. Never waits. Null with a size of 0 is an event without data.
 *
 * # Safety
 * As for `esparto_bus_start`; the data can be read.
 */
enum esparto_status_t esparto_bus_post(struct esparto_bus_t *bus,
                                       uint32_t sender,
                                       uint16_t event_type,
                                       const void *data,
                                       size_t size_bytes,
                                       uint8_t priority);

/**
 * As `esparto_bus_post`, from an interrupt handler: in bounded time, from memory that interrupt
 * handlers may use at any time.
 *
 * # Safety
 * As for `esparto_bus_post`.
 */
enum esparto_status_t esparto_bus_post_from_isr(struct esparto_bus_t *bus,
                                                uint32_t sender,
                                                uint16_t event_type,
                                                const void *data,
                                                size_t size_bytes,
                                                uint8_t priority);

/**
 * As `esparto_bus_post`, and waits for room for at most `timeout_ms`.
 *
 * # Safety
 * As for `esparto_bus_post`; `wait` is null or can be read, and its functions can be called.
 */
enum esparto_status_t esparto_bus_post_timeout(struct esparto_bus_t *bus,
                                               uint32_t sender,
                                               uint16_t event_type,
                                               const void *data,
                                               size_t size_bytes,
                                               uint8_t priority,
                                               const struct esparto_wait_t *wait,
                                               uint32_t timeout_ms);

/**
 * The next event of a service, the most urgent first. `ESPARTO_EMPTY` when none waits. The message is
 * the caller's until it is released; `ESPARTO_IN_USE` when it was not released since last time.
 *
 * # Safety
 * As for `esparto_bus_start`; `message` is null or the caller's, zeroed to begin with.
 */
enum esparto_status_t esparto_bus_receive(struct esparto_bus_t *bus,
                                          uint32_t service,
                                          struct esparto_message_t *message);

/**
 * As `esparto_bus_receive`, and waits for at most `timeout_ms`, or `ESPARTO_FOREVER`. Not for interrupt handlers.
 *
 * # Safety
 * As for `esparto_bus_receive`; `wait` is null or can be read, and its functions can be called.
 */
enum esparto_status_t esparto_bus_receive_timeout(struct esparto_bus_t *bus,
                                                  uint32_t service,
                                                  struct esparto_message_t *message,
                                                  const struct esparto_wait_t *wait,
                                                  uint32_t timeout_ms);

/**
 * Lets go of a message; its memory is free after the last who received it.
 *
 * # Safety
 * `message` is null or the caller's; its data is not used any more.
 */
enum esparto_status_t esparto_message_release(struct esparto_message_t *message);

/**
 * The figures of a bus.
 *
 * # Safety
 * As for `esparto_bus_start`; `stats` is null or may be written.
 */
enum esparto_status_t esparto_bus_stats(struct esparto_bus_t *bus,
                                        struct esparto_bus_stats_t *stats);

/**
 * How many posts were refused for a reason, which is a status that `esparto_bus_post` returns.
 *
 * # Safety
 * As for `esparto_bus_start`.
 */
uint32_t esparto_bus_refused_count(struct esparto_bus_t *bus, int32_t reason);

/**
 * `memory_pool_init`.
 *
 * # Safety
 * `pool` is null or a descriptor of the caller's.
 */
bool esparto_microusc_pool_init(struct esparto_microusc_pool_t *pool,
                                size_t block_size,
                                size_t num_blocks);

/**
 * `memory_pool_malloc`.
 */
struct esparto_microusc_pool_t *esparto_microusc_pool_malloc(size_t block_size, size_t num_blocks);

/**
 * `memory_pool_alloc`: O(1), last in first out.
 *
 * # Safety
 * As for `memory_pool_init`.
 */
void *esparto_microusc_pool_alloc(struct esparto_microusc_pool_t *pool);

/**
 * `memory_pool_free`: O(1); what is no block in use is refused and counted.
 *
 * # Safety
 * As for `memory_pool_init`; a block in use is the caller's to give back.
 */
void esparto_microusc_pool_free(struct esparto_microusc_pool_t *pool, void *block);

/**
 * Ends a pool: its storage goes back, and its descriptor if it came from the heap.
 *
 * # Safety
 * As for `memory_pool_init`; nobody uses a block of it any more.
 */
void esparto_microusc_pool_destroy(struct esparto_microusc_pool_t *pool);

/**
 * The figures of a pool as lines for a log. Returns the length of the whole text, as `snprintf` does; 0
 * for a pool that is not live.
 *
 * # Safety
 * As for `memory_pool_init`; the title is null or text of `title_len` bytes, and `buffer` is null or
 * `size` bytes long.
 */
size_t esparto_microusc_pool_describe(struct esparto_microusc_pool_t *pool,
                                      const char *title,
                                      size_t title_len,
                                      char *buffer,
                                      size_t size);

/**
 * Notes who took a block. False when no place is left, or the block is null.
 */
bool esparto_microusc_record(void *block, uint32_t timestamp, uint32_t line, const char *file);

/**
 * Forgets a block that is given back. False when it has no record.
 */
bool esparto_microusc_forget(void *block);

/**
 * The record of a place, below `ESPARTO_MICROUSC_RECORD_LIMIT`. False when there is none.
 *
 * # Safety
 * `record` is null or may be written.
 */
bool esparto_microusc_record_at(size_t place, struct esparto_microusc_record_t *record);

/**
 * How many pointers were refused when they were given back.
 *
 * # Safety
 * As for `memory_pool_init`.
 */
uint32_t esparto_microusc_pool_refused_count(struct esparto_microusc_pool_t *pool);

/**
 * The name of a kind of violation, as in the header; `"ESPARTO_VIOLATION_UNKNOWN"` for any other number.
 */
const char *esparto_violation_name(int32_t kind);

/**
 * Adds a region under the default heap with a guard around each block: canaries in front and behind,
 * fresh and freed memory filled, freed blocks kept in quarantine for a while. What it finds waits for
 * `esparto_violation_take`; from here on, so does every `esparto_free` that was refused.
 *
 * A block takes 24 bytes more, a request a fill of the block. Canaries are looked at when a block is
 * given back or resized, and by `esparto_region_check`, for which a damaged block is
 * `ESPARTO_CORRUPT`; a write after the free is found when the block leaves quarantine.
 *
 * # Safety
 * As for `esparto_region_add`, and otherwise the same too.
 */
enum esparto_status_t esparto_region_add_guarded(const char *name,
                                                 size_t name_len,
                                                 void *start,
                                                 size_t len_bytes,
                                                 uint16_t caps,
                                                 uint8_t *id);

/**
 * Takes the oldest violation out of the log; `ESPARTO_EMPTY` when there is none. Ask soon: once an
 * address is used again, its record is that of the later block.
 *
 * # Safety
 * `violation` is null or may be written.
 */
enum esparto_status_t esparto_violation_take(struct esparto_violation_t *violation);

/**
 * Takes the oldest violation out of the log as a line of text: what was found, and what there is on
 * record of the block. Returns the length of the whole text, as `snprintf` does; 0 when there is none.
 *
 * # Safety
 * `buffer` is null or `size` bytes long.
 */
size_t esparto_violation_describe(char *buffer,
                                  size_t size);

/**
 * How many violations were found, those taken included.
 */
uint32_t esparto_violation_count(void);

/**
 * How many violations found no place: take them more often.
 */
uint32_t esparto_violation_lost_count(void);

/**
 * Sets a guard up over a pool: canaries in front of and behind each block, fresh and freed blocks
 * filled, four freed ones kept in quarantine, and a record of who holds which block. The blocks of the
 * pool are to be `ESPARTO_GUARD_BYTES` larger than what is wanted of them; `ESPARTO_TOO_SMALL` when
 * nothing would be left.
 *
 * Blocks that are taken from the pool directly are not guarded, and go back the same way.
 *
 * # Safety
 * Both handles are the caller's, and stay where they are: the guard until it is ended, the pool for
 * longer.
 */
enum esparto_status_t esparto_guarded_pool_init(struct esparto_guarded_pool_t *guard,
                                                struct esparto_pool_t *pool);

/**
 * Ends a guard; the pool stays. `ESPARTO_IN_USE`, and nothing is done, while one of its blocks is live.
 *
 * # Safety
 * As for `esparto_guarded_pool_init`.
 */
enum esparto_status_t esparto_guarded_pool_deinit(struct esparto_guarded_pool_t *guard);

/**
 * What may be written of each block; 0 for a bad handle.
 *
 * # Safety
 * The handle is null or a handle that nobody sets up or ends meanwhile.
 */
size_t esparto_guarded_pool_usable_bytes(struct esparto_guarded_pool_t *guard);

/**
 * Takes a block for an owner, and records the file and the line. Null when there is none and for a bad
 * handle. A time in proportion to the block, the records and the quarantine.
 *
 * # Safety
 * As for `esparto_guarded_pool_usable_bytes`. The file's name lives for ever, or is null.
 */
void *esparto_guarded_pool_alloc_at(struct esparto_guarded_pool_t *guard,
                                    uint16_t owner,
                                    const char *file,
                                    size_t file_len,
                                    uint32_t line);

/**
 * Gives a block back for an owner: looks at its canaries, fills it, and keeps it in quarantine. Null is
 * given back to nowhere; what is not a live block is refused by name, counted and left alone.
 *
 * # Safety
 * As for `esparto_guarded_pool_usable_bytes`; a live block is the caller's to give back.
 */
enum esparto_status_t esparto_guarded_pool_free(struct esparto_guarded_pool_t *guard,
                                                void *block,
                                                uint16_t owner);

/**
 * Lets all freed blocks out of quarantine; what was written to them is found now.
 *
 * # Safety
 * As for `esparto_guarded_pool_usable_bytes`.
 */
enum esparto_status_t esparto_guarded_pool_settle(struct esparto_guarded_pool_t *guard);

/**
 * How many freed blocks are in quarantine. They are in use for the pool.
 *
 * # Safety
 * As for `esparto_guarded_pool_usable_bytes`; `count` is null or may be written.
 */
enum esparto_status_t esparto_guarded_pool_held_count(struct esparto_guarded_pool_t *guard,
                                                      size_t *count);

/**
 * Shows the live blocks of a guarded pool, by line and owner, outside of any lock. Returns how many live
 * blocks have no record; 0 for a bad handle.
 *
 * # Safety
 * As for `esparto_guarded_pool_usable_bytes`; `visit` is null or can be called with `context`.
 */
size_t esparto_guarded_pool_leaks_visit(struct esparto_guarded_pool_t *guard,
                                        esparto_leak_fn visit,
                                        void *context);

/**
 * The live blocks of a guarded pool by line and owner, as lines for a log. Returns the length of the
 * whole text, as `snprintf` does; 0 for a bad handle.
 *
 * # Safety
 * As for `esparto_guarded_pool_usable_bytes`; `buffer` is null or `size` bytes long.
 */
size_t esparto_guarded_pool_describe(struct esparto_guarded_pool_t *guard,
                                     char *buffer,
                                     size_t size);

/**
 * Records every block from now on, with its owner and, of `esparto_malloc_at`, its line. Each request
 * and each free looks through the table from then on.
 */
void esparto_leaks_start(void);

/**
 * Records nothing any more. What is recorded stays.
 */
void esparto_leaks_stop(void);

/**
 * As `esparto_malloc_caps`, and records the file and the line; with caps 0 as `esparto_malloc`.
 *
 * # Safety
 * The file's name lives for ever.
 */
void *esparto_malloc_at(size_t size,
                        uint16_t caps,
                        const char *file,
                        size_t file_len,
                        uint32_t line);

/**
 * Shows the live blocks that have a record, by line and owner, outside of any lock. Returns how many
 * live blocks have none.
 *
 * # Safety
 * `visit` is null or can be called with `context`.
 */
size_t esparto_leaks_visit(esparto_leak_fn visit,
                           void *context);

/**
 * The live blocks by line and owner as lines for a log. Returns the length of the whole text, as
 * `snprintf` does.
 *
 * # Safety
 * `buffer` is null or `size` bytes long.
 */
size_t esparto_leaks_describe(char *buffer, size_t size);

/**
 * The live block that an address lies in, as far as there are records: where it begins and its size as
 * asked for. `ESPARTO_NOT_FOUND` when none has a record.
 *
 * # Safety
 * `block` and `size_bytes` are null or may be written.
 */
enum esparto_status_t esparto_leaks_block_at(const void *at,
                                             const void **block,
                                             size_t *size_bytes);

/**
 * The live bytes of an owner that have a record.
 */
size_t esparto_owner_live_bytes(uint16_t owner);

/**
 * `ESPARTO_OK` when no block that has a record is live, `ESPARTO_IN_USE` when one is.
 */
enum esparto_status_t esparto_leaks_none(void);

/**
 * `malloc`: a block of `size` bytes, from internal memory while there is any. Null for a size of 0
 * and when there is none; `esparto_last_failure` says why.
 */
void *esparto_malloc(size_t size);

/**
 * `calloc`: zeroed; null too when the product is more than the address space.
 */
void *esparto_calloc(size_t count, size_t size);

/**
 * `realloc`: resizes in place, or moves. Null, and the block as it was, when there is no memory or
 * `block` is no live block; a size of 0 frees, a null block allocates.
 *
 * # Safety
 * The block is the caller's; its old address is dead unless the same one is returned.
 */
void *esparto_realloc(void *block, size_t size);

/**
 * `aligned_alloc`: null too for an alignment that is no power of two. Freed as any other block.
 */
void *esparto_aligned_alloc(size_t align, size_t size);

/**
 * As `esparto_malloc`, from memory that has all of `caps`.
 */
void *esparto_malloc_caps(size_t size, uint16_t caps);

/**
 * As `esparto_calloc`, from memory that has all of `caps`.
 */
void *esparto_calloc_caps(size_t count, size_t size, uint16_t caps);

/**
 * As `esparto_realloc`; where the block moves, it goes to memory that has all of `caps`.
 *
 * # Safety
 * As for `esparto_realloc`.
 */
void *esparto_realloc_caps(void *block, size_t size, uint16_t caps);

/**
 * As `esparto_aligned_alloc`, from memory that has all of `caps`.
 */
void *esparto_aligned_alloc_caps(size_t align, size_t size, uint16_t caps);

/**
 * A block from memory that has all of `require`, and of that where `prefer` is had too while there
 * is any.
 */
void *esparto_malloc_prefer(size_t size, uint16_t require, uint16_t prefer);

/**
 * A block where what it is used for belongs, by the decision tree: one of `ESPARTO_USE_`. Null for
 * any other number too.
 */
void *esparto_malloc_for(size_t size, uint8_t used_for);

/**
 * As `esparto_malloc_prefer` at an alignment, with the reason when there is none.
 *
 * # Safety
 * `block` is null or may be written.
 */
enum esparto_status_t esparto_allocate(size_t size,
                                       size_t align,
                                       uint16_t require,
                                       uint16_t prefer,
                                       void **block);

/**
 * `free`. Null is given back to nowhere; what is no live block is refused, counted and left alone.
 *
 * # Safety
 * A live block is the caller's to give back.
 */
void esparto_free(void *block);

/**
 * As `esparto_free`, and says `ESPARTO_NOT_A_BLOCK` when it was refused.
 *
 * # Safety
 * As for `esparto_free`.
 */
enum esparto_status_t esparto_free_checked(void *block);

/**
 * The size of a live block as asked for; 0 for anything else.
 */
size_t esparto_size_of(const void *block);

/**
 * How many frees and reallocations named no live block.
 */
size_t esparto_refused_free_count(void);

/**
 * Says for whom requests are made from now on; returns for whom they were until now. A switch of
 * tasks is the place to call it.
 */
uint16_t esparto_set_owner(uint16_t owner);

/**
 * What kind of trouble a status is a sign of, as a `esparto_diagnosis_t`;
 * `ESPARTO_DIAGNOSIS_UNKNOWN` of one that is no trouble, and of any other number.
 */
enum esparto_diagnosis_t esparto_status_diagnosis(int32_t status);

/**
 * The name of a kind of trouble and what mends it, as a line for a log. Returns the length of the
 * whole text, as `snprintf` does; 0 for any other number.
 *
 * # Safety
 * `buffer` is null or `size` bytes long.
 */
size_t esparto_diagnosis_describe(int32_t diagnosis, char *buffer, size_t size);

/**
 * Sets a monitor up that told nothing yet. Of a heap less than 4 times as large as `min_free_bytes`, a
 * quarter has to be free. Usual limits are the `ESPARTO_LIMIT_` ones.
 *
 * # Safety
 * The handle is the caller's, and stays where it is until it is ended.
 */
enum esparto_status_t esparto_monitor_init(struct esparto_monitor_t *monitor,
                                           size_t min_free_bytes,
                                           uint8_t limit_percent,
                                           size_t min_stack_bytes);

/**
 * Ends a monitor.
 *
 * # Safety
 * As for `esparto_monitor_init`.
 */
enum esparto_status_t esparto_monitor_deinit(struct esparto_monitor_t *monitor);

/**
 * Looks at everything, and tells `report` what began and what is over since the last look. No lock is
 * held meanwhile: `report` may allocate, post and log, but not poll the same monitor:
 * `ESPARTO_REENTERED`, as for two tasks at a time. Sources are the same in every call, in the same
 * order. `report` and `polled` may be null. Not for interrupt handlers: free blocks are walked.
 *
 * # Safety
 * The handle is null or a handle that nobody sets up or ends meanwhile. There are `count` sources,
 * whose handles nobody ends meanwhile and whose names live for ever. `report` can be called with
 * `context`; `polled` is null or may be written.
 */
enum esparto_status_t esparto_monitor_poll(struct esparto_monitor_t *monitor,
                                           const struct esparto_source_t *sources,
                                           size_t count,
                                           esparto_finding_fn report,
                                           void *context,
                                           struct esparto_polled_t *polled);

/**
 * Sets the overlays up that the packer made of this firmware, and lets its stubs load them: from here on
 * functions of overlays are just called. `ESPARTO_NOT_PACKED` for a firmware that the packer did not
 * make, which is every program of a desk machine.
 *
 * # Safety
 * The handle is the caller's, and stays where it is for ever, as does the buffer, which is within reach
 * of the storage's DMA. `settings` is null or can be read; its functions can be called with its context
 * for ever.
 */
enum esparto_status_t esparto_overlays_init(struct esparto_overlays_t *overlays,
                                            const struct esparto_overlay_settings_t *settings,
                                            uint32_t *bounce,
                                            size_t bounce_bytes);

/**
 * The number of the overlay with this name, as `esparto.toml` has it.
 *
 * # Safety
 * The handle is null or a handle; the name is null or text of `len` bytes; `number` is null or may be
 * written.
 */
enum esparto_status_t esparto_overlay_find(struct esparto_overlays_t *overlays,
                                           const char *overlay_name,
                                           size_t overlay_name_len,
                                           size_t *number);

/**
 * Loads an overlay, so that its calls find it. Brings back one that was unloaded.
 *
 * # Safety
 * The handle is null or a handle.
 */
enum esparto_status_t esparto_overlay_load(struct esparto_overlays_t *overlays, size_t number);

/**
 * Loads an overlay that will be needed soon; does not bring back one that was unloaded.
 *
 * # Safety
 * As for `esparto_overlay_load`.
 */
enum esparto_status_t esparto_overlay_prefetch(struct esparto_overlays_t *overlays, size_t number);

/**
 * As `esparto_overlay_prefetch`, for a task's main loop: does not ask whether the caller returns into
 * the slot. The others refuse with `ESPARTO_IN_USE` as soon as the stack looks like it, and an address
 * that an old call left there does.
 *
 * # Safety
 * As for `esparto_overlay_load`; no caller of this function is in an overlay.
 */
enum esparto_status_t esparto_overlay_load_at_top(struct esparto_overlays_t *overlays,
                                                  size_t number);

/**
 * Runs the destructors of an overlay, frees its slot and lets its data go. Its calls are refused from
 * now on, until it is loaded again. `ESPARTO_IN_USE` while it is pinned, or the caller returns into it.
 *
 * # Safety
 * As for `esparto_overlay_load`; nobody uses its data any more.
 */
enum esparto_status_t esparto_overlay_unload(struct esparto_overlays_t *overlays,
                                             size_t number);

/**
 * Is the overlay in a slot, so that a call finds it?
 *
 * # Safety
 * As for `esparto_overlay_load`.
 */
bool esparto_overlay_is_mapped(struct esparto_overlays_t *overlays, size_t number);

/**
 * Loads an overlay and keeps it in its slot until the pin is released: a call by pointer costs what any
 * such call costs.
 *
 * # Safety
 * As for `esparto_overlay_load`; `pin` is null or the caller's, zeroed to begin with, and stays where it
 * is until it is released.
 */
enum esparto_status_t esparto_overlay_pin(struct esparto_overlays_t *overlays,
                                          size_t number,
                                          struct esparto_pin_t *pin);

/**
 * Lets go of a pinned overlay.
 *
 * # Safety
 * `pin` is null or the caller's; pointers that it gave are not called any more.
 */
enum esparto_status_t esparto_overlay_unpin(struct esparto_pin_t *pin);

/**
 * Where what a pinned overlay exports by this name is, for as long as the pin is there. Reads the table
 * of exports from storage: keep what it answers.
 *
 * # Safety
 * `pin` is null or a pin that nobody releases meanwhile; the name is null or text of `len` bytes;
 * `address` is null or may be written.
 */
enum esparto_status_t esparto_overlay_symbol(struct esparto_pin_t *pin,
                                             const char *symbol_name,
                                             size_t symbol_name_len,
                                             void **address);

/**
 * The figures of the loader.
 *
 * # Safety
 * As for `esparto_overlay_load`; `stats` is null or may be written.
 */
enum esparto_status_t esparto_overlays_stats(struct esparto_overlays_t *overlays,
                                             struct esparto_overlay_stats_t *stats);

/**
 * Why the last call about overlays failed, with figures and the mend, as a line for a log; of a call
 * through a stub too. Returns the length of the whole text, as `snprintf` does; 0 when none did.
 *
 * # Safety
 * `buffer` is null or `size` bytes long.
 */
size_t esparto_overlay_failure_describe(char *buffer,
                                        size_t size);

/**
 * Sets a heap up over the caller's memory: a bounded time for every call, and the smallest code of all
 * ways to have `malloc`. It knows no capabilities, owners, figures or trace; for those there are
 * regions.
 *
 * # Safety
 * The handle is the caller's, and stays where it is until it is ended. The memory is readable and
 * writable, and the heap's alone until then.
 */
enum esparto_status_t esparto_own_heap_init(struct esparto_own_heap_t *heap,
                                            void *memory,
                                            size_t len_bytes);

/**
 * Ends a heap; its memory is the caller's again, the blocks in it included.
 *
 * # Safety
 * As for `esparto_own_heap_init`; nobody uses a block of it any more.
 */
enum esparto_status_t esparto_own_heap_deinit(struct esparto_own_heap_t *heap);

/**
 * A block of `size` bytes. Null for a size of 0, when there is none, and for a bad handle.
 *
 * # Safety
 * The handle is null or a handle that nobody sets up or ends meanwhile.
 */
void *esparto_own_heap_alloc(struct esparto_own_heap_t *heap, size_t size);

/**
 * The same at an alignment: null too for one that is no power of two.
 *
 * # Safety
 * As for `esparto_own_heap_alloc`.
 */
void *esparto_own_heap_aligned_alloc(struct esparto_own_heap_t *heap, size_t align, size_t size);

/**
 * `realloc`: resizes in place, or moves. Null, and the block as it was, when there is no memory or
 * `block` is no live block; a size of 0 frees, a null block allocates.
 *
 * # Safety
 * As for `esparto_own_heap_alloc`. The block is the caller's; its old address is dead unless the same
 * one is returned.
 */
void *esparto_own_heap_realloc(struct esparto_own_heap_t *heap,
                               void *block,
                               size_t size);

/**
 * Gives a block back. Null is given back to nowhere; `ESPARTO_NOT_A_BLOCK`, and nothing is done, when
 * it is no live block of this heap.
 *
 * # Safety
 * As for `esparto_own_heap_alloc`; a live block is the caller's to give back.
 */
enum esparto_status_t esparto_own_heap_free(struct esparto_own_heap_t *heap,
                                            void *block);

/**
 * The free blocks of a heap.
 *
 * # Safety
 * As for `esparto_own_heap_alloc`; `blocks` is null or may be written.
 */
enum esparto_status_t esparto_own_heap_free_blocks(struct esparto_own_heap_t *heap,
                                                   struct esparto_free_blocks_t *blocks);

/**
 * Checks at most `max_steps` free blocks, with nobody using the heap between two steps.
 * `ESPARTO_MORE` until all were seen, then `ESPARTO_OK`; `ESPARTO_CORRUPT` when bookkeeping was written
 * over.
 *
 * # Safety
 * As for `esparto_own_heap_alloc`; `cursor` is null or the caller's, zeroed to begin with.
 */
enum esparto_status_t esparto_own_heap_check(struct esparto_own_heap_t *heap,
                                             struct esparto_cursor_t *cursor,
                                             size_t max_steps);

/**
 * Sets a pool up in memory that has all of `caps`. `align_bytes` may be 0: then it is that of a
 * pointer, or 8 if the block size is a multiple of 8.
 *
 * # Safety
 * The handle is the caller's, and stays where it is until it is ended.
 */
enum esparto_status_t esparto_pool_init(struct esparto_pool_t *pool,
                                        size_t block_bytes,
                                        size_t block_count,
                                        size_t align_bytes,
                                        uint16_t caps);

/**
 * How many bytes `esparto_pool_init_static` needs at most for these blocks; 0 if there can be none.
 */
size_t esparto_pool_needed_bytes(size_t block_bytes, size_t block_count, size_t align_bytes);

/**
 * Sets a pool up in the caller's memory; no heap is involved.
 *
 * # Safety
 * As for `esparto_pool_init`; the memory is the pool's until it is ended.
 */
enum esparto_status_t esparto_pool_init_static(struct esparto_pool_t *pool,
                                               void *memory,
                                               size_t len_bytes,
                                               size_t block_bytes,
                                               size_t block_count,
                                               size_t align_bytes);

/**
 * Ends a pool; memory that it took goes back. `ESPARTO_IN_USE`, and nothing is done, while a block
 * is in use.
 *
 * # Safety
 * As for `esparto_pool_init`.
 */
enum esparto_status_t esparto_pool_deinit(struct esparto_pool_t *pool);

/**
 * Takes a block, in constant time; null when all are in use and for a bad handle.
 *
 * # Safety
 * The handle is null or a handle that nobody sets up or ends meanwhile.
 */
void *esparto_pool_alloc(struct esparto_pool_t *pool);

/**
 * Gives a block back, in constant time. Null is given back to nowhere; what is not a block in use is
 * refused by name, counted and left alone.
 *
 * # Safety
 * As for `esparto_pool_alloc`; a block in use is the caller's to give back.
 */
enum esparto_status_t esparto_pool_free(struct esparto_pool_t *pool,
                                        void *block);

/**
 * The figures of a pool.
 *
 * # Safety
 * As for `esparto_pool_alloc`; `stats` is null or may be written.
 */
enum esparto_status_t esparto_pool_stats(struct esparto_pool_t *pool,
                                         struct esparto_pool_stats_t *stats);

/**
 * The figures as lines for a log. Returns the length of the whole text, as `snprintf` does; 0 for a
 * bad handle.
 *
 * # Safety
 * As for `esparto_pool_alloc`; `buffer` is null or `size` bytes long.
 */
size_t esparto_pool_describe(struct esparto_pool_t *pool,
                             const char *title,
                             size_t title_len,
                             char *buffer,
                             size_t size);

/**
 * Checks at most `max_steps` free blocks. `ESPARTO_MORE` until all were seen, then `ESPARTO_OK`;
 * `ESPARTO_CORRUPT` when one was written over.
 *
 * # Safety
 * As for `esparto_pool_alloc`; `cursor` is null or the caller's, zeroed to begin with.
 */
enum esparto_status_t esparto_pool_check(struct esparto_pool_t *pool,
                                         struct esparto_cursor_t *cursor,
                                         size_t max_steps);

/**
 * Adds a region under the default heap, whose every operation has a hard bound.
 *
 * The memory is cut to whole 8 bytes and belongs to Esparto from then on. Regions are tried in the
 * order in which they were added; external memory wants an internal region first. `id` may be null;
 * else it is where the region's number goes.
 *
 * # Safety
 * The memory is readable and writable, and nobody else's for as long as the program runs. The name
 * lives as long.
 */
enum esparto_status_t esparto_region_add(const char *name,
                                         size_t name_len,
                                         void *start,
                                         size_t len_bytes,
                                         uint16_t caps,
                                         uint8_t *id);

/**
 * Adds a region under the default heap in its faster setting, which keeps small blocks aside.
 *
 * # Safety
 * As for `esparto_region_add`, and otherwise the same too.
 */
enum esparto_status_t esparto_region_add_throughput(const char *name,
                                                    size_t name_len,
                                                    void *start,
                                                    size_t len_bytes,
                                                    uint16_t caps,
                                                    uint8_t *id);

/**
 * Adds a region under a linked list: first fit, the smallest code.
 *
 * # Safety
 * As for `esparto_region_add`, and otherwise the same too.
 */
enum esparto_status_t esparto_region_add_linked_list(const char *name,
                                                     size_t name_len,
                                                     void *start,
                                                     size_t len_bytes,
                                                     uint16_t caps,
                                                     uint8_t *id);

/**
 * Adds a region that never takes anything back (FreeRTOS heap_1).
 *
 * # Safety
 * As for `esparto_region_add`, and otherwise the same too.
 */
enum esparto_status_t esparto_region_add_bump(const char *name,
                                              size_t name_len,
                                              void *start,
                                              size_t len_bytes,
                                              uint16_t caps,
                                              uint8_t *id);

/**
 * Adds a region under FreeRTOS's heap_2: best fit, no merging.
 *
 * # Safety
 * As for `esparto_region_add`, and otherwise the same too.
 */
enum esparto_status_t esparto_region_add_heap_2(const char *name,
                                                size_t name_len,
                                                void *start,
                                                size_t len_bytes,
                                                uint16_t caps,
                                                uint8_t *id);

/**
 * Adds a region under FreeRTOS's heap_4: first fit by address, merging.
 *
 * # Safety
 * As for `esparto_region_add`, and otherwise the same too.
 */
enum esparto_status_t esparto_region_add_heap_4(const char *name,
                                                size_t name_len,
                                                void *start,
                                                size_t len_bytes,
                                                uint16_t caps,
                                                uint8_t *id);

/**
 * How many regions there are. Their numbers start at 0.
 */
size_t esparto_region_count(void);

/**
 * All figures of all sources, a line for each. Returns the length of the whole text, as `snprintf`
 * does; 0 when one of the sources is none.
 *
 * # Safety
 * There are `count` sources, whose handles nobody ends meanwhile and whose names live for ever.
 * `buffer` is null or `size` bytes long.
 */
size_t esparto_snapshot_describe(const struct esparto_source_t *sources,
                                 size_t count,
                                 char *buffer,
                                 size_t size);

/**
 * Takes a stack from memory that has all of `caps`, and paints it. The name is the task's.
 *
 * # Safety
 * The handle is the caller's, and stays where it is until it is ended; the name lives for ever.
 */
enum esparto_status_t esparto_stack_init(struct esparto_stack_t *stack,
                                         const char *task_name,
                                         size_t task_name_len,
                                         size_t size_bytes,
                                         uint16_t caps);

/**
 * Takes over the caller's memory as a stack, and paints it. No heap is involved.
 *
 * # Safety
 * As for `esparto_stack_init`; the memory is the stack's until it is ended.
 */
enum esparto_status_t esparto_stack_adopt(struct esparto_stack_t *stack,
                                          const char *task_name,
                                          size_t task_name_len,
                                          void *memory,
                                          size_t len_bytes);

/**
 * Ends a stack; memory that it took goes back.
 *
 * # Safety
 * As for `esparto_stack_init`; no task runs on it.
 */
enum esparto_status_t esparto_stack_deinit(struct esparto_stack_t *stack);

/**
 * The figures of a stack. O(what was never used).
 *
 * # Safety
 * The handle is null or a handle that nobody sets up or ends meanwhile; `stats` is null or may be
 * written.
 */
enum esparto_status_t esparto_stack_stats(struct esparto_stack_t *stack,
                                          struct esparto_stack_stats_t *stats);

/**
 * Looks at the canary: `ESPARTO_STACK_OVERRUN` when the task ran over the end of its stack.
 *
 * # Safety
 * As for `esparto_stack_stats`.
 */
enum esparto_status_t esparto_stack_check(struct esparto_stack_t *stack);

/**
 * The lowest range of `size_bytes` (a power of two) in the stack that a watchpoint or a PMP entry can
 * guard.
 *
 * # Safety
 * As for `esparto_stack_stats`; `guard` is null or may be written.
 */
enum esparto_status_t esparto_stack_guard(struct esparto_stack_t *stack,
                                          size_t size_bytes,
                                          void **guard);

/**
 * The state of a stack as a line for a log; what is wrong with it, with the name of the task, if
 * anything is. Returns the length of the whole text, as `snprintf` does; 0 for a bad handle.
 *
 * # Safety
 * As for `esparto_stack_stats`; `buffer` is null or `size` bytes long.
 */
size_t esparto_stack_describe(struct esparto_stack_t *stack, char *buffer, size_t size);

/**
 * The figures of one region.
 *
 * # Safety
 * `stats` is null or may be written.
 */
enum esparto_status_t esparto_region_stats(uint8_t id, struct esparto_heap_stats_t *stats);

/**
 * Counts the least that was ever free anew from now on, in all regions, to see what a part of the program
 * needs. `ESPARTO_ALREADY_INITIALISED` if that is so already.
 */
enum esparto_status_t esparto_min_free_start(void);

/**
 * Ends that: the least that was ever free is that since the regions were added again.
 * `ESPARTO_NOT_STARTED` if it was not begun.
 */
enum esparto_status_t esparto_min_free_stop(void);

/**
 * The free blocks of one region.
 *
 * # Safety
 * `blocks` is null or may be written.
 */
enum esparto_status_t esparto_region_free_blocks(uint8_t id, struct esparto_free_blocks_t *blocks);

/**
 * The stretch of a region at an address, from there on; null is where the region begins.
 * `ESPARTO_NOT_FOUND` behind the last one. Others may allocate between two calls: what is shown is
 * true at its moment. Walks the free blocks.
 *
 * # Safety
 * `stretch` is null or may be written.
 */
enum esparto_status_t esparto_region_stretch(uint8_t id,
                                             const void *from,
                                             struct esparto_stretch_t *stretch);

/**
 * The figures of all regions that have `caps`. `ESPARTO_NO_REGION` when there is none.
 *
 * # Safety
 * `stats` is null or may be written.
 */
enum esparto_status_t esparto_caps_stats(uint16_t caps, struct esparto_heap_stats_t *stats);

/**
 * `ESPARTO_UNHEALTHY` when, of all regions that have `caps`, less than `min_free_bytes` is free or
 * fragmentation is `limit_percent` or more: `ESPARTO_LIMIT_FREE_BYTES` and
 * `ESPARTO_LIMIT_FRAGMENTATION_PERCENT` are usual.
 */
enum esparto_status_t esparto_heap_health(uint16_t caps,
                                          size_t min_free_bytes,
                                          uint8_t limit_percent);

/**
 * The figures of all regions that have `caps` as lines for a log, with a verdict. Returns the length
 * of the whole text, as `snprintf` does; 0 when there is no such region.
 *
 * # Safety
 * `buffer` is null or `size` bytes long.
 */
size_t esparto_heap_describe(uint16_t caps,
                             char *buffer,
                             size_t size);

/**
 * Internal and external memory as a line for a log, behind `tag` unless that is null. Returns the
 * length of the whole text, as `snprintf` does.
 *
 * # Safety
 * `tag` is null or text of `tag_len` bytes; `buffer` is null or `size` bytes long.
 */
size_t esparto_memory_describe(const char *tag, size_t tag_len, char *buffer, size_t size);

/**
 * DMA-capable and internal memory as lines for a log. Returns the length of the whole text, as
 * `snprintf` does.
 *
 * # Safety
 * `buffer` is null or `size` bytes long.
 */
size_t esparto_usage_describe(char *buffer, size_t size);

/**
 * Has this region all of `caps`?
 */
bool esparto_region_has_caps(uint8_t id, uint16_t caps);

/**
 * Is there a region with all of `caps`?
 */
bool esparto_has_caps(uint16_t caps);

/**
 * Why the last failed request failed; `ESPARTO_OK` when none did.
 */
enum esparto_status_t esparto_last_failure(void);

/**
 * Why the last failed request failed, with the figures, as a line for a log. Returns the length of
 * the whole text, as `snprintf` does; 0 when none did. What is free is counted when this or
 * `esparto_last_failure` is called first, so call one where the request failed.
 *
 * # Safety
 * `buffer` is null or `size` bytes long.
 */
size_t esparto_last_failure_describe(char *buffer, size_t size);

/**
 * Checks at most `max_steps` free blocks of a region. `ESPARTO_MORE` until all were seen, then
 * `ESPARTO_OK`; `ESPARTO_CORRUPT` when bookkeeping was written over.
 *
 * # Safety
 * `cursor` is null or the caller's, zeroed to begin with.
 */
enum esparto_status_t esparto_region_check(uint8_t id,
                                           struct esparto_cursor_t *cursor,
                                           size_t max_steps);

/**
 * The name of a status, as in the header; `"ESPARTO_UNKNOWN"` for any other number.
 */
const char *esparto_status_name(int32_t status);

/**
 * Sets tiers up: the pools in internal memory that interrupt handlers can reach, as is the heap that
 * serves what no pool does; or both in memory that has all of `caps`, if it is not 0.
 *
 * # Safety
 * The handle is the caller's, and stays where it is until it is ended. There are `class_count`
 * classes, and their names live for ever.
 */
enum esparto_status_t esparto_tiers_init(struct esparto_tiers_t *tiers,
                                         const struct esparto_class_t *classes,
                                         size_t class_count,
                                         uint16_t caps);

/**
 * Ends tiers; their memory goes back. `ESPARTO_IN_USE`, and nothing is done, while any block is, the
 * heap's included.
 *
 * # Safety
 * As for `esparto_tiers_init`.
 */
enum esparto_status_t esparto_tiers_deinit(struct esparto_tiers_t *tiers);

/**
 * A block of the smallest class that fits, or of the heap: if the class is off or exhausted, or none
 * is large enough. Null when the heap has none either, for a size of 0 and for a bad handle.
 *
 * # Safety
 * The handle is null or a handle that nobody sets up or ends meanwhile.
 */
void *esparto_tiers_alloc(struct esparto_tiers_t *tiers,
                          size_t size);

/**
 * Gives a block back to where it came from, which its address alone tells. Null is given back to
 * nowhere; what is no block in use is refused by name and left alone.
 *
 * # Safety
 * As for `esparto_tiers_alloc`; a block in use is the caller's to give back.
 */
enum esparto_status_t esparto_tiers_free(struct esparto_tiers_t *tiers, void *block);

/**
 * The figures of one class, in the order given. `ESPARTO_NOT_FOUND` when there is none.
 *
 * # Safety
 * As for `esparto_tiers_alloc`; `figures` is null or may be written.
 */
enum esparto_status_t esparto_tiers_class_stats(struct esparto_tiers_t *tiers,
                                                size_t class_index,
                                                struct esparto_class_stats_t *figures);

/**
 * Sets the counters to zero and the high-water marks to what is in use.
 *
 * # Safety
 * As for `esparto_tiers_alloc`.
 */
enum esparto_status_t esparto_tiers_reset_stats(struct esparto_tiers_t *tiers);

/**
 * `ESPARTO_OK`, or `ESPARTO_UNHEALTHY` when a class is more than nine tenths full, failed, or was
 * written over.
 *
 * # Safety
 * As for `esparto_tiers_alloc`.
 */
enum esparto_status_t esparto_tiers_health(struct esparto_tiers_t *tiers);

/**
 * The figures as lines for a log. Returns the length of the whole text, as `snprintf` does; 0 for a
 * bad handle.
 *
 * # Safety
 * As for `esparto_tiers_alloc`; `buffer` is null or `size` bytes long.
 */
size_t esparto_tiers_describe(struct esparto_tiers_t *tiers, char *buffer, size_t size);

/**
 * Writes down from now on what happens in the memory: every block that comes, goes or is resized, in
 * tiers too, and every request that fails. Blocks that are live already are not in it.
 *
 * An event costs a few dozen instructions where it happens; it is written by `esparto_trace_poll`. One
 * trace runs at a time. `ESPARTO_ALREADY_INITIALISED` when one does.
 *
 * # Safety
 * `settings` is null or can be read; its functions can be called with its context from anywhere until
 * the trace is stopped; chip and build id are that long.
 */
enum esparto_status_t esparto_trace_start(const struct esparto_trace_settings_t *settings);

/**
 * Writes what waits. For one task, as often as it takes; `ESPARTO_REENTERED` while another one is at
 * it, `ESPARTO_NOT_STARTED` when no trace runs. Not for interrupt handlers.
 */
enum esparto_status_t esparto_trace_poll(void);

/**
 * Writes the figures of all regions as they are now, behind the events that led to them.
 */
enum esparto_status_t esparto_trace_snapshot(void);

/**
 * Writes how everything fares that a monitor can look at.
 *
 * # Safety
 * As for `esparto_monitor_poll`.
 */
enum esparto_status_t esparto_trace_health(const struct esparto_source_t *sources, size_t count);

/**
 * Marks this moment in the trace; nothing if none runs. From anywhere.
 */
void esparto_trace_mark(uint32_t id);

/**
 * Says what the marks of a number are called.
 *
 * # Safety
 * `label` is null or text of `label_len` bytes.
 */
enum esparto_status_t esparto_trace_name_mark(uint32_t id, const char *label, size_t label_len);

/**
 * Says what an owner is called.
 *
 * # Safety
 * `label` is null or text of `label_len` bytes.
 */
enum esparto_status_t esparto_trace_name_owner(uint16_t owner, const char *label, size_t label_len);

/**
 * How many events found no place since the trace was started; the trace says where they are missing.
 */
uint32_t esparto_trace_lost_count(void);

/**
 * Ends a trace: writes what waits, and that it is the end.
 */
enum esparto_status_t esparto_trace_stop(void);

/**
 * Says that a request of the memory is about to be made on behalf of the code at `from`, a return
 * address, by the function with the frame `frame`; or, with null for both, that it is over. The events of
 * the request then carry the address in a trace, and `esparto report --elf` names file and line.
 *
 * `ports/calls.c` does this around every function that hands out, resizes or takes back blocks. Between
 * the two calls another task or an interrupt may make requests of its own: an event whose stack is not the
 * one that the address was told on has no address, rather than somebody else's.
 */
void esparto_trace_call(const void *from,
                        const void *frame);

/**
 * Says in the trace that runs what a heap is called that is not Esparto's, where it lies and what its
 * memory can do. `heap` is a number below `ESPARTO_TRACE_HEAP_LIMIT`, by which the other functions call
 * it; `ESPARTO_TOO_LARGE` when it is not.
 *
 * # Safety
 * `label` is null or text of `label_len` bytes. The memory is not touched.
 */
enum esparto_status_t esparto_trace_heap(uint8_t heap,
                                         const char *label,
                                         size_t label_len,
                                         const void *start,
                                         size_t size,
                                         uint16_t capabilities);

/**
 * A block of `size` bytes was handed out by that heap. Nothing if no trace runs. From anywhere, as a
 * hook: it allocates nothing, and takes a few dozen instructions.
 */
void esparto_trace_heap_alloc(uint8_t heap,
                              const void *block,
                              size_t size);

/**
 * A block was given back to that heap, as big as it was: a hook behind the free cannot know.
 */
void esparto_trace_heap_free(uint8_t heap, const void *block);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ESPARTO_H */
