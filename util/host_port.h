/*
 * host_port.h - "host:port" as people write it.
 */
#ifndef DERPKIT_HOST_PORT_H
#define DERPKIT_HOST_PORT_H

#include <stdint.h>

#define HOST_MAX 255 /* bytes of a host name, as DNS has it */

struct host_port {
	char host[HOST_MAX + 1]; /* without the brackets of [::1] */
	uint16_t port;
};

/* "host:port", "1.2.3.4:port", "[::1]:port".  With default_port >= 0, the
 * port (and the brackets) may be missing.  Port 0 is allowed here.  0, or -1
 * with *hp untouched. */
int host_port_parse(struct host_port *hp, const char *text, int default_port);

/* The same with brackets where they are needed. */
#define HOST_PORT_TEXT_MAX (HOST_MAX + 9)
void host_port_text(char out[HOST_PORT_TEXT_MAX], const struct host_port *hp);

/* A decimal number of at most max, digits only.  0 or -1. */
int number_parse(uint64_t *v, const char *text, uint64_t max);

#endif
