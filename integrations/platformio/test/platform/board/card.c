/* Files of an SD card on SiFive's SPI controller: read-only, FAT32, names of 8.3 in the top folder. */
#include "board.h"

#include <string.h>

enum {
    SPI = 0x10050000,
    DIVISOR = 0x00,
    SELECT_MODE = 0x18,
    FORMAT = 0x40,
    TRANSMIT = 0x48,
    RECEIVE = 0x4C,
    HOLD = 2,
    RELEASE = 0,
    BLOCK_BYTES = 512,
    POLLS = 100000,
    ENTRY_BYTES = 32,
    FAT32_LBA = 0x0C,
};

static uint8_t block[BLOCK_BYTES];
static uint32_t block_number = UINT32_MAX;
/* A card of high capacity counts blocks, an older one bytes. */
static uint32_t unit_bytes;
static uint32_t fat_block, data_block, root_cluster, cluster_blocks;

static volatile uint32_t *spi(uint32_t offset) {
    return (volatile uint32_t *)(SPI + offset);
}

static uint8_t exchange(uint8_t sent) {
    while (*spi(TRANSMIT) >> 31) {
    }
    *spi(TRANSMIT) = sent;
    uint32_t received;
    do {
        received = *spi(RECEIVE);
    } while (received >> 31);
    return (uint8_t)received;
}

/* Waits for an answer that is not what `idle` says. */
static uint8_t wait_for(uint8_t until_mask, uint8_t until) {
    for (uint32_t poll = 0; poll < POLLS; poll++) {
        const uint8_t byte = exchange(0xFF);
        if ((byte & until_mask) == until) {
            return byte;
        }
    }
    return 0xFF;
}

/* Sends a command and leaves the card selected; its answer. */
static uint8_t command(uint8_t number, uint32_t argument, uint8_t check) {
    *spi(SELECT_MODE) = HOLD;
    exchange(0xFF);
    exchange(0x40 | number);
    for (int shift = 24; shift >= 0; shift -= 8) {
        exchange((uint8_t)(argument >> shift));
    }
    exchange(check);
    return wait_for(0x80, 0);
}

static void end(void) {
    *spi(SELECT_MODE) = RELEASE;
    exchange(0xFF);
}

/* A command with the four bytes that may follow its answer. */
static int simple(uint8_t number, uint32_t argument, uint8_t check, uint32_t *more) {
    const uint8_t answer = command(number, argument, check);
    *more = 0;
    for (int byte = 0; byte < 4; byte++) {
        *more = *more << 8 | exchange(0xFF);
    }
    end();
    return answer;
}

static int load(uint32_t number) {
    if (number == block_number) {
        return 1;
    }
    block_number = UINT32_MAX;
    int done = command(17, number * unit_bytes, 0xFF) == 0 && wait_for(0xFF, 0xFE) == 0xFE;
    if (done) {
        for (int at = 0; at < BLOCK_BYTES; at++) {
            block[at] = exchange(0xFF);
        }
        exchange(0xFF);
        exchange(0xFF);
        block_number = number;
    }
    end();
    return done;
}

static uint32_t word(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t half(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8;
}

int card_start(void) {
    *spi(DIVISOR) = 0x7D;
    *spi(FORMAT) = 0x00080000;
    *spi(SELECT_MODE) = RELEASE;
    for (int byte = 0; byte < 10; byte++) {
        exchange(0xFF);
    }
    uint32_t more;
    if (simple(0, 0, 0x95, &more) != 1) {
        return 0;
    }
    simple(8, 0x1AA, 0x87, &more);
    int polls = 0;
    do {
        simple(55, 0, 0xFF, &more);
        if (++polls == 1000) {
            return 0;
        }
    } while (simple(41, 0x40000000, 0xFF, &more) != 0);
    simple(58, 0, 0xFF, &more);
    unit_bytes = more >> 30 & 1 ? 1 : BLOCK_BYTES;

    if (!load(0) || half(block + 510) != 0xAA55 || block[446 + 4] != FAT32_LBA) {
        return 0;
    }
    const uint32_t partition = word(block + 446 + 8);
    if (!load(partition) || half(block + 11) != BLOCK_BYTES) {
        return 0;
    }
    cluster_blocks = block[13];
    fat_block = partition + half(block + 14);
    data_block = fat_block + block[16] * word(block + 36);
    root_cluster = word(block + 44);
    return cluster_blocks != 0;
}

/* The block `index` of the file that begins at `cluster`; 0 past its end. */
static uint32_t block_of(uint32_t cluster, uint32_t index) {
    for (; index >= cluster_blocks; index -= cluster_blocks) {
        if (cluster < 2 || !load(fat_block + cluster / 128)) {
            return 0;
        }
        cluster = word(block + cluster % 128 * 4) & 0x0FFFFFFF;
    }
    const int is_there = cluster >= 2 && cluster < 0x0FFFFFF7;
    return is_there ? data_block + (cluster - 2) * cluster_blocks + index : 0;
}

int card_find(const char *name, size_t name_len, card_file_t *file) {
    char wanted[11];
    if (name_len == 0 || name_len > 8) {
        return 0;
    }
    memset(wanted, ' ', sizeof wanted);
    for (size_t at = 0; at < name_len; at++) {
        const char letter = name[at];
        wanted[at] = letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
    }
    uint32_t number;
    for (uint32_t index = 0; (number = block_of(root_cluster, index)) != 0; index++) {
        if (!load(number)) {
            return 0;
        }
        for (int at = 0; at < BLOCK_BYTES; at += ENTRY_BYTES) {
            const uint8_t *entry = block + at;
            if (entry[0] == 0) {
                return 0;
            }
            if (memcmp(entry, wanted, sizeof wanted) == 0 && (entry[11] & 0x18) == 0) {
                file->first_cluster = half(entry + 20) << 16 | half(entry + 26);
                file->len_bytes = word(entry + 28);
                return 1;
            }
        }
    }
    return 0;
}

int card_read(const card_file_t *file, uint32_t offset, void *into, uint32_t len) {
    if (offset > file->len_bytes || len > file->len_bytes - offset) {
        return 0;
    }
    for (uint8_t *to = into; len != 0;) {
        const uint32_t number = block_of(file->first_cluster, offset / BLOCK_BYTES);
        if (number == 0 || !load(number)) {
            return 0;
        }
        const uint32_t from = offset % BLOCK_BYTES;
        const uint32_t part = len < BLOCK_BYTES - from ? len : BLOCK_BYTES - from;
        memcpy(to, block + from, part);
        to += part;
        offset += part;
        len -= part;
    }
    return 1;
}
