/* A picture from memory to memory. Errors jump back here from wherever they are found, so this code
 * stays where it is. */

#define JPEG_INTERNALS
#include "jinclude.h"
#include "jpeglib.h"
#include "jerror.h"
#include "jmemsys.h"

#include <stdint.h>

extern void *jpeg_rust_allocate(size_t size_bytes);
extern void jpeg_rust_free(void *memory, size_t size_bytes);

struct size {
    uint32_t width_px;
    uint32_t height_px;
};

/* The library's error manager, and where to go. */
struct errors {
    struct jpeg_error_mgr manager;
    void *jump[5];
};

/* The picture is not of the size that room was made for: behind all of the library's numbers. */
#define WRONG_SIZE 1000

static void fail(j_common_ptr info) {
    struct errors *errors = (struct errors *)info->err;
    __builtin_longjmp(errors->jump, 1);
}

static void be_silent(j_common_ptr info) { (void)info; }

static void count_warning(j_common_ptr info, int level) {
    if (level < 0) {
        info->err->num_warnings++;
    }
}

static void say_nothing(j_common_ptr info, char *text) {
    (void)info;
    text[0] = 0;
}

static struct jpeg_error_mgr *set_up(struct errors *errors) {
    memset(errors, 0, sizeof *errors);
    errors->manager.error_exit = fail;
    errors->manager.emit_message = count_warning;
    errors->manager.output_message = be_silent;
    errors->manager.format_message = say_nothing;
    errors->manager.reset_error_mgr = be_silent;
    return &errors->manager;
}

static void start(j_decompress_ptr info) { (void)info; }

/* All bytes were given at the start. */
static boolean fill(j_decompress_ptr info) { ERREXIT(info, JERR_INPUT_EMPTY); }

static void skip(j_decompress_ptr info, long count) {
    if (count > 0) {
        if ((size_t)count > info->src->bytes_in_buffer) {
            ERREXIT(info, JERR_INPUT_EOF);
        }
        info->src->next_input_byte += count;
        info->src->bytes_in_buffer -= (size_t)count;
    }
}

static uint32_t decode(const uint8_t *bytes, size_t len_bytes, struct size *size,
                       const struct size *expected, uint8_t *rgb) {
    struct jpeg_decompress_struct info;
    struct jpeg_source_mgr source;
    struct errors errors;
    info.err = set_up(&errors);
    info.mem = NULL;
    if (__builtin_setjmp(errors.jump)) {
        const uint32_t code = (uint32_t)errors.manager.msg_code + 1;
        jpeg_destroy_decompress(&info);
        return code;
    }
    jpeg_create_decompress(&info);
    memset(&source, 0, sizeof source);
    source.next_input_byte = bytes;
    source.bytes_in_buffer = len_bytes;
    source.init_source = start;
    source.fill_input_buffer = fill;
    source.skip_input_data = skip;
    source.resync_to_restart = jpeg_resync_to_restart;
    source.term_source = start;
    info.src = &source;
    jpeg_read_header(&info, TRUE);
    if (size != NULL) {
        size->width_px = info.image_width;
        size->height_px = info.image_height;
    }
    if (rgb != NULL) {
        if (info.image_width != expected->width_px || info.image_height != expected->height_px) {
            ERREXIT(&info, WRONG_SIZE);
        }
        info.out_color_space = JCS_RGB;
        info.dct_method = JDCT_ISLOW;
        jpeg_start_decompress(&info);
        while (info.output_scanline < info.output_height) {
            JSAMPROW row = rgb + (size_t)info.output_scanline * info.output_width * 3;
            jpeg_read_scanlines(&info, &row, 1);
        }
        jpeg_finish_decompress(&info);
    }
    jpeg_destroy_decompress(&info);
    return 0;
}

uint32_t jpeg_size_of(const uint8_t *bytes, size_t len_bytes, struct size *size) {
    return decode(bytes, len_bytes, size, NULL, NULL);
}

uint32_t jpeg_decode(const uint8_t *bytes, size_t len_bytes, const struct size *size, uint8_t *rgb) {
    return decode(bytes, len_bytes, NULL, size, rgb);
}

/* What the library's memory manager stands on. */

void *jpeg_get_small(j_common_ptr info, size_t size_bytes) {
    (void)info;
    return jpeg_rust_allocate(size_bytes);
}

void jpeg_free_small(j_common_ptr info, void *memory, size_t size_bytes) {
    (void)info;
    jpeg_rust_free(memory, size_bytes);
}

void *jpeg_get_large(j_common_ptr info, size_t size_bytes) {
    return jpeg_get_small(info, size_bytes);
}

void jpeg_free_large(j_common_ptr info, void *memory, size_t size_bytes) {
    jpeg_free_small(info, memory, size_bytes);
}

size_t jpeg_mem_available(j_common_ptr info, size_t least, size_t most, size_t taken) {
    (void)info, (void)least, (void)taken;
    return most;
}

void jpeg_open_backing_store(j_common_ptr info, backing_store_ptr store, long size_bytes) {
    (void)store, (void)size_bytes;
    ERREXIT(info, JERR_NO_BACKING_STORE);
}

long jpeg_mem_init(j_common_ptr info) {
    (void)info;
    return 0;
}

void jpeg_mem_term(j_common_ptr info) { (void)info; }
