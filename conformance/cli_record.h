/*
 * cli_record.h - keep what goes over the connections of a run, in files.
 *
 *   DIR/NNNNN.c2s   the frames that a connection sent, without the HTTP head
 *   DIR/NNNNN.s2c   those that it got
 *
 * Fuzz seeds are made of them (corpus/make.sh); for developers only.
 */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

/* Begin: every connection of this process from now on.  Exit code. */
int record_begin(const char *dir);
/* Write the files.  Exit code. */
int record_end(const char *dir);

#endif
