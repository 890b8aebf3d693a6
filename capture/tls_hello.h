/*
 * tls_hello.h - what a ClientHello and a ServerHello say that decides on keys.
 *
 * The messages are whole, without their four bytes of type and length.
 * Pointers are borrowed from them.
 */
#ifndef CAPTURE_TLS_HELLO_H
#define CAPTURE_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELLO_RANDOM_LEN 32u

enum { HELLO_TLS12 = 0x0303, HELLO_TLS13 = 0x0304 };

struct hello {
	uint32_t version; /* of a ServerHello: what was chosen */
	uint32_t suite;
	const uint8_t *random;
	bool retry;            /* HelloRetryRequest: another pair follows */
	bool early;            /* ClientHello: early data is offered */
	const uint8_t *ticket; /* ClientHello: of TLS 1.2; NULL: none */
	size_t ticket_len;
};

/* 0, or -1: damaged. */
int hello_client(struct hello *h, const uint8_t *p, size_t len);
int hello_server(struct hello *h, const uint8_t *p, size_t len);
/* The ticket in a TLS 1.2 NewSessionTicket, NULL: none. */
const uint8_t *hello_ticket(const uint8_t *p, size_t len, size_t *ticket_len);
/* A TLS 1.3 Certificate: the key in the server's meta certificate, whose
 * common name is "derpkey" and 64 hex digits. */
bool hello_meta_key(uint8_t key[32], const uint8_t *p, size_t len);

#endif
