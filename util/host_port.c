/*
 * host_port.c - "host:port" as people write it.
 */
#include <stdio.h>
#include <string.h>

#include "host_port.h"

int number_parse(uint64_t *v, const char *text, uint64_t max)
{
	uint64_t n = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		uint64_t digit = (uint64_t)(*text - '0');
		if (digit > max || n > (max - digit) / 10)
			return -1;
		n = n * 10 + digit;
	}
	*v = n;
	return 0;
}

/* What a host name or address may hold; blanks and controls never. */
static int host_ok(const char *host, size_t len)
{
	if (len == 0 || len > HOST_MAX)
		return 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)host[i];
		if (c <= ' ' || c == 0x7f || strchr("/?#@[]", c) != NULL)
			return 0;
	}
	return 1;
}

int host_port_parse(struct host_port *hp, const char *text, int default_port)
{
	struct host_port got = { 0 };
	const char *host = text, *colon = NULL;
	uint64_t port = 0;
	size_t len;

	if (*text == '[') {
		const char *end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return -1;
		host = text + 1;
		len = (size_t)(end - host);
		colon = end[1] == ':' ? end + 1 : NULL;
	} else {
		colon = strchr(text, ':');
		/* Several colons without brackets are an IPv6 address, which
		 * then cannot have a port. */
		if (colon != NULL && strchr(colon + 1, ':') != NULL)
			colon = NULL;
		else if (colon == NULL && default_port < 0)
			return -1;
		len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	}
	if (!host_ok(host, len))
		return -1;
	if (colon != NULL) {
		if (number_parse(&port, colon + 1, UINT16_MAX) != 0)
			return -1;
	} else if (default_port < 0) {
		return -1;
	} else {
		port = (uint64_t)default_port;
	}
	memcpy(got.host, host, len);
	got.port = (uint16_t)port;
	*hp = got;
	return 0;
}

void host_port_text(char out[HOST_PORT_TEXT_MAX], const struct host_port *hp)
{
	int v6 = strchr(hp->host, ':') != NULL;

	snprintf(out, HOST_PORT_TEXT_MAX, v6 ? "[%s]:%u" : "%s:%u", hp->host,
		 hp->port);
}
