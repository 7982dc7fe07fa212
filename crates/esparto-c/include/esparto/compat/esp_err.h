/* The error codes of ESP-IDF, where it is not there to give them. */
#ifndef ESPARTO_COMPAT_ESP_ERR_H
#define ESPARTO_COMPAT_ESP_ERR_H

#if defined(ESP_PLATFORM)
/* Not in quotes: that would be this file. */
#include <esp_err.h>
#elif !defined(ESP_OK)
typedef int esp_err_t;
#define ESP_OK 0
#define ESP_FAIL (-1)
#define ESP_ERR_NO_MEM 0x101
#define ESP_ERR_INVALID_ARG 0x102
#define ESP_ERR_INVALID_STATE 0x103
#define ESP_ERR_INVALID_SIZE 0x104
#define ESP_ERR_NOT_FOUND 0x105
#define ESP_ERR_TIMEOUT 0x107
#endif

/* Where logs go; define it to send them elsewhere. */
#ifndef ESPARTO_LOG
#include <stdio.h>
#define ESPARTO_LOG(tag, text) printf("%s: %s\n", (tag), (text))
#endif

#endif
