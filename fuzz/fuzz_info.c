/*
 * fuzz_info.c - the two messages of the handshake against a second reader.
 *
 *   input:  text
 *
 * Oracle: a model on yajl's events, written from DERP-INFO-*: what yajl calls
 * no JSON, both readers refuse; else the model says which fields come out.
 * What was read is written, read again and written again, to the same.
 */
#include <ctype.h>
#include <errno.h>
#include <yajl/yajl_parse.h>

#include "derp_info.h"
#include "fuzz.h"

enum field {
	NO_FIELD,
	MESH_KEY,
	VERSION,
	CAN_ACK_PINGS,
	IS_PROBER,
	APP_NAME,
	RATE,
	BURST
};

struct name {
	const char *name;
	enum field field;
};

static const struct name client_names[] = {
	{ "meshkey", MESH_KEY },          { "version", VERSION },
	{ "canackpings", CAN_ACK_PINGS }, { "isprober", IS_PROBER },
	{ "appname", APP_NAME },          { NULL, NO_FIELD }
};
static const struct name server_names[] = { { "version", VERSION },
					    { "tokenbucketbytespersecond",
					      RATE },
					    { "tokenbucketbytesburst", BURST },
					    { NULL, NO_FIELD } };

struct model {
	const struct name *names;
	size_t depth;
	bool wrong; /* a type, a value */
	enum field field;
	/* what the info should hold */
	int64_t version, rate, burst;
	bool can_ack_pings, is_prober;
	char mesh[2 * DERP_KEY_LEN + 1];
	char app[64]; /* the beginning */
	size_t app_len;
	bool app_plain; /* yajl and Go decode it alike */
};

/* A value at the top is the info itself, one inside a member is skipped. */
static enum field field_of(struct model *m)
{
	enum field f = m->depth == 1 ? m->field : NO_FIELD;

	if (m->depth == 1)
		m->field = NO_FIELD;
	return f;
}

static int on_null(void *ctx)
{
	struct model *m = ctx;

	if (field_of(m) == MESH_KEY)
		m->wrong = true;
	return 1;
}

static int on_bool(void *ctx, int v)
{
	struct model *m = ctx;

	m->wrong |= m->depth == 0;
	switch (field_of(m)) {
	case NO_FIELD:
		break;
	case CAN_ACK_PINGS:
		m->can_ack_pings = v;
		break;
	case IS_PROBER:
		m->is_prober = v;
		break;
	default:
		m->wrong = true;
		break;
	}
	return 1;
}

static int on_number(void *ctx, const char *text, size_t len)
{
	struct model *m = ctx;
	enum field f = field_of(m);
	char copy[32] = "";
	long long v;

	m->wrong |= m->depth == 0;
	if (f == NO_FIELD)
		return 1;
	if (len < sizeof(copy))
		memcpy(copy, text, len);
	errno = 0;
	v = strtoll(copy, NULL, 10);
	if (len >= sizeof(copy) || errno != 0 || strpbrk(copy, ".eE") != NULL) {
		m->wrong = true;
	} else if (f == VERSION) {
		m->version = v;
	} else if (f == RATE) {
		m->rate = v;
	} else if (f == BURST) {
		m->burst = v;
	} else {
		m->wrong = true;
	}
	return 1;
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct model *m = ctx;

	m->wrong |= m->depth == 0;
	switch (field_of(m)) {
	case NO_FIELD:
		break;
	case APP_NAME:
		m->app_len = len;
		m->app_plain = len < sizeof(m->app);
		for (size_t i = 0; i < len && m->app_plain; i++) {
			m->app[i] = (char)text[i];
			/* ? is what yajl makes of half a pair. */
			if (text[i] >= 0x80 || text[i] == '?')
				m->app_plain = false;
		}
		break;
	case MESH_KEY:
		memset(m->mesh, 0, sizeof(m->mesh));
		if (len != sizeof(m->mesh) - 1) {
			m->wrong = true;
			break;
		}
		for (size_t i = 0; i < len; i++) {
			m->wrong |= !isxdigit(text[i]);
			m->mesh[i] = (char)tolower(text[i]);
		}
		break;
	default:
		m->wrong = true;
		break;
	}
	return 1;
}

/* Lower case; the long s and the Kelvin sign are letters, too. */
static bool key_is(const unsigned char *key, size_t len, const char *name)
{
	while (*name != '\0') {
		size_t n = 1;
		int c;

		if (len == 0)
			return false;
		c = tolower(key[0]);
		if (len >= 2 && memcmp(key, "\xc5\xbf", 2) == 0) {
			c = 's';
			n = 2;
		} else if (len >= 3 && memcmp(key, "\xe2\x84\xaa", 3) == 0) {
			c = 'k';
			n = 3;
		}
		if (c != *name++)
			return false;
		key += n;
		len -= n;
	}
	return len == 0;
}

static int on_key(void *ctx, const unsigned char *key, size_t len)
{
	struct model *m = ctx;

	if (m->depth != 1)
		return 1;
	m->field = NO_FIELD;
	for (const struct name *n = m->names; n->name != NULL; n++) {
		if (key_is(key, len, n->name))
			m->field = n->field;
	}
	return 1;
}

static int on_open(void *ctx)
{
	struct model *m = ctx;

	m->wrong |= field_of(m) != NO_FIELD;
	m->depth++;
	return 1;
}

static int on_array(void *ctx)
{
	struct model *m = ctx;

	m->wrong |= m->depth == 0;
	return on_open(ctx);
}

static int on_close(void *ctx)
{
	struct model *m = ctx;

	m->depth--;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_open,
	.yajl_map_key = on_key,
	.yajl_end_map = on_close,
	.yajl_start_array = on_array,
	.yajl_end_array = on_close,
};

static bool model(struct model *m, const struct name *names, const uint8_t *js,
		  size_t len)
{
	yajl_handle h = yajl_alloc(&callbacks, NULL, m);
	bool good;

	fuzz_check(h != NULL);
	memset(m, 0, sizeof(*m));
	m->names = names;
	m->app_plain = true;
	yajl_config(h, yajl_dont_validate_strings, 1);
	/* Without a line end it does not see a token that is cut behind the
	 * value. */
	good = yajl_parse(h, js, len) == yajl_status_ok &&
	       yajl_parse(h, (const uint8_t *)"\n", 1) == yajl_status_ok &&
	       yajl_complete_parse(h) == yajl_status_ok;
	yajl_free(h);
	return good && !m->wrong;
}

/* ---- ours -------------------------------------------------------------- */

static void check_client(const uint8_t *js, size_t len)
{
	struct derp_client_info i, again;
	char hex[2 * DERP_KEY_LEN + 1] = "";
	struct model m;
	uint8_t out[512], out2[512];
	size_t n, n2;
	bool want = model(&m, client_names, js, len);
	int err = derp_client_info_read(&i, js, len);

	fuzz_check(err == 0 || err == DERP_E_JSON);
	fuzz_check((err == 0) == want);
	if (err != 0)
		return;
	fuzz_check(i.version == m.version &&
		   i.can_ack_pings == m.can_ack_pings &&
		   i.is_prober == m.is_prober);
	fuzz_check(i.has_mesh_key == (strspn(m.mesh, "0") != strlen(m.mesh)));
	for (size_t k = 0; k < DERP_KEY_LEN; k++)
		snprintf(hex + 2 * k, 3, "%02x", i.mesh_key[k]);
	fuzz_check(!i.has_mesh_key || strcmp(hex, m.mesh) == 0);
	if (m.app_plain) {
		fuzz_check(i.app_len == m.app_len);
		fuzz_check(memcmp(i.app, m.app,
				  m.app_len < DERP_APP_MAX
					  ? m.app_len
					  : DERP_APP_MAX) == 0);
	}
	if (i.app_len > DERP_APP_MAX) {
		fuzz_check(!i.app_ok);
		fuzz_check(derp_client_info_write(&i, out, sizeof(out), &n) ==
			   DERP_E_VALUE);
		return;
	}
	fuzz_check(derp_client_info_write(&i, out, sizeof(out), &n) == 0);
	fuzz_check(derp_client_info_write(&i, out2, n - 1, &n2) ==
		   DERP_E_NOBUF);
	fuzz_check_printable(out, n);
	fuzz_check(derp_client_info_read(&again, out, n) == 0);
	fuzz_check(again.app_len == i.app_len && again.app_ok == i.app_ok &&
		   memcmp(again.app, i.app, i.app_len) == 0);
	fuzz_check(derp_client_info_write(&again, out2, n, &n2) == 0);
	fuzz_check(n == n2 && memcmp(out, out2, n) == 0);
}

static void check_server(const uint8_t *js, size_t len)
{
	struct derp_server_info i, again;
	struct model m;
	uint8_t out[256];
	size_t n;
	bool want = model(&m, server_names, js, len);
	int err = derp_server_info_read(&i, js, len);

	fuzz_check(err == 0 || err == DERP_E_JSON);
	fuzz_check((err == 0) == want);
	if (err != 0)
		return;
	fuzz_check(i.version == m.version && i.bytes_per_second == m.rate &&
		   i.bytes_burst == m.burst);
	fuzz_check(derp_server_info_write(&i, out, sizeof(out), &n) == 0);
	fuzz_check_printable(out, n);
	fuzz_check(derp_server_info_read(&again, out, n) == 0);
	fuzz_check(again.version == i.version &&
		   again.bytes_per_second == i.bytes_per_second &&
		   again.bytes_burst == i.bytes_burst);
}

/* yajl takes VT and FF for blanks and knows no depth that is too deep. */
static bool comparable(const uint8_t *js, size_t len)
{
	size_t levels = 0;

	for (size_t i = 0; i < len; i++) {
		if (js[i] == '\v' || js[i] == '\f')
			return false;
		levels += js[i] == '{' || js[i] == '[';
	}
	return levels < 10000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *js;

	if (!comparable(data, size))
		return 0;
	js = fuzz_copy(data, size);
	check_client(js, size);
	check_server(js, size);
	free(js);
	return 0;
}
