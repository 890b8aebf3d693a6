/*
 * utf8.h - characters of a text.  Not installed.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD 0xfffdu /* stands for what is not UTF-8 */
#define UTF8_MAX 4       /* bytes of a character */

/* The character at s[0..len), len > 0; *used is its bytes.  Each byte that
 * begins none is UTF8_BAD by itself, as Go reads them: *used is then 1. */
uint32_t derp_utf8_get(const uint8_t *s, size_t len, uint32_t *used);

/* Bytes written to out. */
uint32_t derp_utf8_put(uint8_t out[UTF8_MAX], uint32_t c);

#endif
