/* How large the stand-in's heaps are, and how they are emptied. */
#ifndef TEST_IDF_H
#define TEST_IDF_H

enum { INTERNAL_BYTES = 200 * 1024, EXTERNAL_BYTES = 1536 * 1024 };

void idf_forget(void);

#endif
