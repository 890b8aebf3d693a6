/*
 * info.c - the two messages of the handshake.
 *
 *   {"meshKey":"64 hex","version":2,"CanAckPings":true,"IsProber":true,
 *    "AppName":"..."}
 *   {"version":2,"TokenBucketBytesPerSecond":n,"TokenBucketBytesBurst":n}
 *
 * One member at a time: its name picks a reader, which judges the type, so a
 * duplicate of the wrong type fails although a good one follows
 * (DERP-INFO-6).  The mesh key is a secret: local copies are wiped.
 */
#include "derp_box.h"
#include "derp_info.h"
#include "derp_json.h"
#include "derp_key.h"

struct member {
	const char *name;
	int (*read)(void *info, const struct derp_json_token *value);
};

static int read_int(int64_t *v, const struct derp_json_token *value)
{
	if (value->kind == DERP_JSON_NULL)
		return 0;
	if (value->kind != DERP_JSON_NUMBER || derp_json_int(value, v) != 0)
		return DERP_E_JSON;
	return 0;
}

static int read_bool(bool *v, const struct derp_json_token *value)
{
	if (value->kind == DERP_JSON_NULL)
		return 0;
	if (value->kind != DERP_JSON_TRUE && value->kind != DERP_JSON_FALSE)
		return DERP_E_JSON;
	*v = value->kind == DERP_JSON_TRUE;
	return 0;
}

static int read_client_version(void *info, const struct derp_json_token *value)
{
	struct derp_client_info *i = info;

	return read_int(&i->version, value);
}

static int read_can_ack_pings(void *info, const struct derp_json_token *value)
{
	struct derp_client_info *i = info;

	return read_bool(&i->can_ack_pings, value);
}

static int read_is_prober(void *info, const struct derp_json_token *value)
{
	struct derp_client_info *i = info;

	return read_bool(&i->is_prober, value);
}

static int read_app(void *info, const struct derp_json_token *value)
{
	struct derp_client_info *i = info;

	if (value->kind == DERP_JSON_NULL)
		return 0;
	if (value->kind != DERP_JSON_STRING)
		return DERP_E_JSON;
	derp_json_decode(value, i->app, sizeof i->app, &i->app_len);
	return 0;
}

/* No null here (DERP-INFO-11). */
static int read_mesh_key(void *info, const struct derp_json_token *value)
{
	struct derp_client_info *i = info;
	uint8_t text[DERP_HEX_LEN];
	char hex[DERP_HEX_LEN];
	size_t len;
	int err = DERP_E_JSON;

	if (value->kind != DERP_JSON_STRING)
		return DERP_E_JSON;
	derp_json_decode(value, text, sizeof text, &len);
	for (size_t n = 0; n < sizeof hex && n < len; n++)
		hex[n] = (char)text[n];
	if (len == sizeof hex &&
	    derp_hex_decode(i->mesh_key, DERP_KEY_LEN, hex, len) == 0)
		err = 0;
	derp_wipe(text, sizeof text);
	derp_wipe(hex, sizeof hex);
	return err;
}

static int read_server_version(void *info, const struct derp_json_token *value)
{
	struct derp_server_info *i = info;

	return read_int(&i->version, value);
}

static int read_rate(void *info, const struct derp_json_token *value)
{
	struct derp_server_info *i = info;

	return read_int(&i->bytes_per_second, value);
}

static int read_burst(void *info, const struct derp_json_token *value)
{
	struct derp_server_info *i = info;

	return read_int(&i->bytes_burst, value);
}

static int read_member(struct derp_json_reader *r, void *info,
		       const struct member *members,
		       const struct derp_json_token *key)
{
	struct derp_json_token value;
	int err = derp_json_next(r, &value);

	for (; err == 0 && members->name != NULL; members++) {
		if (derp_json_key_is(key, members->name)) {
			err = members->read(info, &value);
			break;
		}
	}
	return err != 0 ? err : derp_json_skip(r, &value);
}

static int read_info(void *info, const struct member *members,
		     const uint8_t *js, size_t len)
{
	struct derp_json_reader r;
	struct derp_json_token t;
	int err;

	derp_json_read(&r, js, len);
	err = derp_json_next(&r, &t);
	if (err == 0 && t.kind == DERP_JSON_OBJECT) {
		err = derp_json_next(&r, &t);
		while (err == 0 && t.kind == DERP_JSON_KEY) {
			err = read_member(&r, info, members, &t);
			if (err == 0)
				err = derp_json_next(&r, &t);
		}
	} else if (err == 0 && t.kind != DERP_JSON_NULL) {
		err = DERP_E_JSON;
	}
	/* Nothing may follow. */
	return err != 0 ? err : derp_json_next(&r, &t);
}

static bool app_is_ok(const struct derp_client_info *i)
{
	if (i->app_len > DERP_APP_MAX)
		return false;
	for (size_t n = 0; n < i->app_len; n++) {
		if (i->app[n] < 0x20 || i->app[n] > 0x7e)
			return false;
	}
	return true;
}

/* In constant time: the key is a secret. */
static bool is_zero(const uint8_t key[DERP_KEY_LEN])
{
	uint32_t sum = 0;

	for (uint32_t n = 0; n < DERP_KEY_LEN; n++)
		sum += key[n];
	return sum == 0;
}

int derp_client_info_read(struct derp_client_info *i, const uint8_t *js,
			  size_t len)
{
	static const struct member members[] = {
		{ "meshKey", read_mesh_key },
		{ "version", read_client_version },
		{ "CanAckPings", read_can_ack_pings },
		{ "IsProber", read_is_prober },
		{ "AppName", read_app },
		{ NULL, NULL },
	};
	struct derp_client_info made = { 0 };
	int err = read_info(&made, members, js, len);

	if (err == 0) {
		made.has_mesh_key = !is_zero(made.mesh_key);
		made.app_ok = app_is_ok(&made);
		*i = made;
	}
	derp_wipe(&made, sizeof made);
	return err;
}

int derp_server_info_read(struct derp_server_info *i, const uint8_t *js,
			  size_t len)
{
	static const struct member members[] = {
		{ "version", read_server_version },
		{ "TokenBucketBytesPerSecond", read_rate },
		{ "TokenBucketBytesBurst", read_burst },
		{ NULL, NULL },
	};
	struct derp_server_info made = { 0 };
	int err = read_info(&made, members, js, len);

	if (err == 0)
		*i = made;
	return err;
}

/* Counts what it is given, and writes while at is not NULL: a first pass
 * measures, a second one writes, and a refused buffer stays untouched. */
struct sink {
	uint8_t *at;
	size_t n;
};

static void put(void *ctx, const void *bytes, size_t len)
{
	struct sink *s = ctx;
	const uint8_t *from = bytes;

	for (size_t i = 0; s->at != NULL && i < len; i++)
		s->at[s->n + i] = from[i];
	s->n += len;
}

static void write_client(struct sink *s, const struct derp_client_info *i)
{
	struct derp_json_writer w;

	derp_json_write(&w, put, s);
	derp_json_open(&w, NULL, '{');
	if (i->has_mesh_key)
		derp_json_hex(&w, "meshKey", NULL, i->mesh_key, DERP_KEY_LEN);
	if (i->version != 0)
		derp_json_int64(&w, "version", i->version);
	derp_json_bool(&w, "CanAckPings", i->can_ack_pings);
	if (i->is_prober)
		derp_json_bool(&w, "IsProber", true);
	if (i->app_len != 0)
		derp_json_str(&w, "AppName", i->app, i->app_len);
	derp_json_close(&w, '}');
}

int derp_client_info_write(const struct derp_client_info *i, uint8_t *out,
			   size_t cap, size_t *n)
{
	struct sink measure = { NULL, 0 }, write = { out, 0 };

	if (i->app_len > DERP_APP_MAX)
		return DERP_E_VALUE;
	write_client(&measure, i);
	if (measure.n > cap)
		return DERP_E_NOBUF;
	write_client(&write, i);
	*n = write.n;
	return 0;
}

static void write_server(struct sink *s, const struct derp_server_info *i)
{
	struct derp_json_writer w;

	derp_json_write(&w, put, s);
	derp_json_open(&w, NULL, '{');
	if (i->version != 0)
		derp_json_int64(&w, "version", i->version);
	if (i->bytes_per_second != 0)
		derp_json_int64(&w, "TokenBucketBytesPerSecond",
				i->bytes_per_second);
	if (i->bytes_burst != 0)
		derp_json_int64(&w, "TokenBucketBytesBurst", i->bytes_burst);
	derp_json_close(&w, '}');
}

int derp_server_info_write(const struct derp_server_info *i, uint8_t *out,
			   size_t cap, size_t *n)
{
	struct sink measure = { NULL, 0 }, write = { out, 0 };

	write_server(&measure, i);
	if (measure.n > cap)
		return DERP_E_NOBUF;
	write_server(&write, i);
	*n = write.n;
	return 0;
}
