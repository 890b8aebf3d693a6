/*
 * text.h - show text that a stranger wrote.
 *
 * Controls, DEL and bytes above 0x7f come out as \xNN, the backslash as \\,
 * so that a hostile text can neither steer a terminal nor forge a log line.
 */
#ifndef DERPKIT_TEXT_H
#define DERPKIT_TEXT_H

#include <stddef.h>

/* Into out[cap], always NUL-terminated; a text that does not fit ends in
 * "...".  cap >= 4.  Returns out. */
char *text_escape(char *out, size_t cap, const void *text, size_t len);

#endif
