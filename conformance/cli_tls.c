/*
 * cli_tls.c - TLS of the commands that talk to a target.
 *
 * Every test connection uses one set-up.  A first connection, before any
 * case, tells in words what is wrong with a certificate or a port.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "cli_text.h"
#include "connect.h"
#include "link.h"

#define WAIT_MS 2000 /* unless -o says more */

static int say(int code, const char *text)
{
	fputs("derpspec: ", stderr);
	cli_puts(stderr, text);
	fputs("\n", stderr);
	return code;
}

static int try_once(const struct cli_options *o)
{
	int wait = o->timeout_ms > WAIT_MS ? (int)o->timeout_ms : WAIT_MS;
	char err[TRANSPORT_ERR_MAX];
	int fd = dial_wait(&o->target, wait, err), r;
	struct tls *t;

	if (fd < 0)
		return say(EXIT_INPUT, err);
	t = tls_new(link_tls, fd);
	if (t == NULL) {
		close(fd);
		return say(EXIT_OURS, "out of memory");
	}
	r = tls_handshake_wait(t, wait, err);
	if (r == 0)
		tls_finish(t);
	tls_free(t);
	close(fd);
	return r == 0 ? EXIT_GOOD : say(EXIT_INPUT, err);
}

int cli_tls_open(const struct cli_options *o)
{
	const struct tls_client_options to = {
		.host = o->target.host,
		.sni = o->sni,
		.ca_file = o->ca_file,
		.pin = o->pin,
		.keylog = o->keylog,
		.insecure = o->insecure,
	};
	char err[TRANSPORT_ERR_MAX];

	if (!o->tls)
		return EXIT_GOOD;
	link_tls = tls_client_new(&to, err);
	if (link_tls == NULL)
		return say(EXIT_INPUT, err);
	if (o->keylog != NULL)
		fprintf(stderr,
			"derpspec: WARNING: whoever has %s can decrypt "
			"every connection of this run\n",
			o->keylog);
	return try_once(o);
}

void cli_tls_close(void)
{
	tls_setup_free(link_tls);
	link_tls = NULL;
}
