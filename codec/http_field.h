/*
 * http_field.h - what one line of a head may hold, shared by the reader and
 * the writers.  Not installed.
 */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool http_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* Printable, blank, or above ASCII: what a value and a reason may hold. */
static inline bool http_is_text(uint8_t c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static inline uint8_t http_lower(uint8_t c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

#endif
