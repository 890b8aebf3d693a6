/*
 * derpd.c - the reference server: options and start.
 */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "derp_box.h"
#include "derp_key.h"
#include "key_file.h"
#include "log.h"
#include "options.h"
#include "server.h"

enum {
	O_LISTEN = 1,
	O_KEY_FILE,
	O_MESH_KEY_FILE,
	O_MAX_CLIENTS,
	O_KEEP_ALIVE,
	O_LOG,
	O_HTTP_TIMEOUT,
	O_LOGIN_TIMEOUT,
	O_WRITE_TIMEOUT,
	O_TLS_LISTEN,
	O_TLS_CERT,
	O_TLS_KEY,
	O_TLS_SELF_SIGNED,
	O_KEYLOG,
	O_TLS_TIMEOUT,
};

static const struct opt table[] = {
	{ O_LISTEN, "listen", 0, "ADDR:PORT",
	  "where to listen, also [::]:PORT; may be repeated;\n"
	  "port 0 takes a free one (127.0.0.1:3340)",
	  "Network" },
	{ O_MAX_CLIENTS, "max-clients", 0, "N",
	  "connections served at a time (1024)", NULL },
	{ O_KEEP_ALIVE, "keep-alive", 0, "SECONDS",
	  "shortest pause between keep-alives (60)", NULL },
	{ O_TLS_LISTEN, "tls-listen", 0, "ADDR:PORT",
	  "the same with TLS; may be repeated", "TLS" },
	{ O_TLS_CERT, "tls-cert", 0, "FILE",
	  "its certificate and those in between, PEM", NULL },
	{ O_TLS_KEY, "tls-key", 0, "FILE", "the certificate's key, PEM", NULL },
	{ O_TLS_SELF_SIGNED, "tls-self-signed", 0, "NAME",
	  "or make one for this name or address, at each\nstart; the log "
	  "tells its pin",
	  NULL },
	{ O_KEYLOG, "keylog", 0, "FILE",
	  "append the secrets of all connections", NULL },
	{ O_KEY_FILE, "key-file", 0, "FILE",
	  "the server's private key, - for standard input\n"
	  "(a new key at each start)",
	  "Keys" },
	{ O_MESH_KEY_FILE, "mesh-key-file", 0, "FILE",
	  "64 hex digits; who shows it is a mesh client (none)", NULL },
	{ O_LOG, "log", 0, "LEVEL", "error, warn, info or debug (info)",
	  "Log" },
	{ O_HTTP_TIMEOUT, "http-timeout", 0, "SECONDS", NULL, NULL },
	{ O_LOGIN_TIMEOUT, "login-timeout", 0, "SECONDS", NULL, NULL },
	{ O_WRITE_TIMEOUT, "write-timeout", 0, "SECONDS", NULL, NULL },
	{ O_TLS_TIMEOUT, "tls-timeout", 0, "SECONDS", NULL, NULL },
	{ 0 },
};

static const struct opt_tool tool = {
	.name = "derpd",
	.usage = "derpd [options]",
	.about = "Relay packets between DERP clients until SIGTERM or SIGINT.",
	.table = table,
	.after =
		"Prints \"listen ADDR:PORT\" for each listener first of all, "
		"with \" tls\"\nwhere TLS is spoken.  SIGHUP reads certificate "
		"and key again.\n"
		"Exit status: 0 ended by a signal, 2 usage, 3 cannot listen "
		"or read a file,\n5 our fault.",
};

static int fail(int code, const char *text)
{
	fprintf(stderr, "derpd: %s\n", text);
	return code;
}

static int add_listen(const struct opts *o, struct config *c, bool tls)
{
	if (c->num_listen == LISTEN_MAX)
		return opts_fail(o, "%d listeners at most", LISTEN_MAX);
	if (opt_host_port(o, &c->listen[c->num_listen].where, -1) != 0)
		return OPTS_ERROR;
	c->listen[c->num_listen++].tls = tls;
	return 0;
}

static int seconds(const struct opts *o, double *v, uint64_t min_ms)
{
	uint64_t ms;

	if (opt_seconds(o, &ms, min_ms, 3600000) != 0)
		return OPTS_ERROR;
	*v = (double)ms / 1000;
	return 0;
}

struct files {
	const char *key, *mesh_key;
};

static int one_option(const struct opts *o, int id, struct config *c,
		      struct files *files)
{
	uint64_t n;
	int level;

	switch (id) {
	case O_LISTEN:
		return add_listen(o, c, false);
	case O_TLS_LISTEN:
		return add_listen(o, c, true);
	case O_TLS_CERT:
		c->tls.cert_file = o->value;
		return 0;
	case O_TLS_KEY:
		c->tls.key_file = o->value;
		return 0;
	case O_TLS_SELF_SIGNED:
		c->tls.self_signed = o->value;
		return 0;
	case O_KEYLOG:
		c->tls.keylog = o->value;
		return 0;
	case O_TLS_TIMEOUT:
		return seconds(o, &c->tls_timeout, 1);
	case O_KEY_FILE:
		files->key = o->value;
		return 0;
	case O_MESH_KEY_FILE:
		files->mesh_key = o->value;
		return 0;
	case O_MAX_CLIENTS:
		if (opt_number(o, &n, 1, 100000) != 0)
			return OPTS_ERROR;
		c->max_clients = (uint32_t)n;
		return 0;
	case O_LOG:
		if (opt_choice(o, &level, log_levels) != 0)
			return OPTS_ERROR;
		log_max = (enum log_level)level;
		return 0;
	case O_KEEP_ALIVE:
		return seconds(o, &c->keep_alive, 1000);
	case O_HTTP_TIMEOUT:
		return seconds(o, &c->http_timeout, 1);
	case O_LOGIN_TIMEOUT:
		return seconds(o, &c->login_timeout, 1);
	case O_WRITE_TIMEOUT:
		if (seconds(o, &c->write_timeout, 1) != 0)
			return OPTS_ERROR;
		c->mesh_write_timeout = c->write_timeout;
		return 0;
	}
	return OPTS_ERROR;
}

/* Do the options fit each other? */
static int check_tls(const struct opts *o, const struct config *c)
{
	bool files = c->tls.cert_file != NULL || c->tls.key_file != NULL;
	bool wanted = false;

	for (int i = 0; i < c->num_listen; i++)
		wanted = wanted || c->listen[i].tls;
	if ((c->tls.cert_file == NULL) != (c->tls.key_file == NULL))
		return opts_fail(o, "--tls-cert and --tls-key go together");
	if (files && c->tls.self_signed != NULL)
		return opts_fail(o, "--tls-self-signed or --tls-cert, not "
				    "both");
	if (wanted && !files && c->tls.self_signed == NULL)
		return opts_fail(o, "--tls-listen wants --tls-cert and "
				    "--tls-key, or --tls-self-signed");
	if (!wanted &&
	    (files || c->tls.self_signed != NULL || c->tls.keylog != NULL))
		return opts_fail(o, "a certificate or a key log is for "
				    "--tls-listen, which is not there");
	return 0;
}

/* 0, or an exit code. */
static int read_keys(struct config *c, const struct files *files)
{
	char err[KEY_FILE_ERR_MAX];

	if (files->key == NULL)
		key_new(c->key);
	else if (key_file_read(c->key, KEY_PRIVATE, files->key, err) != 0)
		return fail(3, err);
	if (files->mesh_key == NULL)
		return 0;
	if (key_file_read(c->mesh_key, KEY_MESH, files->mesh_key, err) != 0)
		return fail(3, err);
	c->has_mesh_key = true;
	return 0;
}

/* As many descriptors as the system gives; the rest is for max_clients. */
static void raise_limit(const struct config *c)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
	if (lim.rlim_cur < (rlim_t)c->max_clients + LISTEN_MAX + 16)
		LOG(LOG_WARN, "descriptors", L_NUM("limit", lim.rlim_cur),
		    L_NUM("max_clients", c->max_clients));
}

static void announce(const struct server *s, bool new_key)
{
	char key[DERP_KEY_TEXT_MAX];

	derp_key_text(key, DERP_KEY_NODE, s->public_key);
	LOG(LOG_INFO, "start", L_STR("key", key), L_NUM("new_key", new_key),
	    L_NUM("mesh", s->config.has_mesh_key),
	    L_NUM("max_clients", s->config.max_clients));
}

static int serve(const struct config *c, bool new_key)
{
	struct server *s = calloc(1, sizeof *s);
	char err[TRANSPORT_ERR_MAX];

	if (s == NULL)
		return fail(5, "no memory");
	raise_limit(c);
	if (server_open(s, c, err) != 0) {
		free(s);
		return fail(3, err);
	}
	announce(s, new_key);
	server_run(s);
	server_close(s);
	free(s);
	return 0;
}

int main(int argc, char **argv)
{
	static struct config config = { .max_clients = 1024,
					.keep_alive = 60,
					.tls_timeout = 10,
					.http_timeout = 30,
					.login_timeout = 10,
					.write_timeout = 2,
					.mesh_write_timeout = 30 };
	struct files files = { NULL, NULL };
	struct opts o;
	int id, code;

	opts_init(&o, &tool, argc, argv);
	while ((id = opts_next(&o)) > 0)
		if (one_option(&o, id, &config, &files) != 0)
			return 2;
	if (id < 0)
		return opts_exit(id);
	if (o.first < argc) {
		opts_fail(&o, "takes no operands");
		return 2;
	}
	if (check_tls(&o, &config) != 0)
		return 2;
	if (config.num_listen == 0)
		host_port_parse(&config.listen[config.num_listen++].where,
				"127.0.0.1:3340", -1);
	if (sodium_init() < 0)
		return fail(5, "libsodium does not start");
	table_init();
	signal(SIGPIPE, SIG_IGN);
	code = read_keys(&config, &files);
	if (code == 0)
		code = serve(&config, files.key == NULL);
	sodium_memzero(&config, sizeof config);
	return code;
}
