/* The loader, as ../cargo/loader builds it. */
#ifndef LOADER_H
#define LOADER_H

void overlays_start(void);
void console_print(const char *text);
void machine_exit(int code);

#endif
