/*
 * test_info.c - the two messages, read as the reference reads them:
 * DERP-INFO-1 to -11, -15, -17 to -19, -21.
 */
#include "derp_info.h"
#include "exact.h"
#include "vectors/vectors.h"

#define WANT_TEXTS
#include "vectors/reference.1.102.5.h"
#include "vectors/reference.1.104.5.h"

static struct bytes text_of(const struct json_vector *v)
{
	size_t mid = strlen(v->mid), end = strlen(v->end);
	struct bytes out;
	uint8_t *at;

	out.len = v->pre_len + v->num * (mid + end) + v->post_len;
	out.at = at = block(out.len);
	memcpy(at, v->pre, v->pre_len);
	at += v->pre_len;
	for (size_t i = 0; i < v->num; i++, at += mid)
		memcpy(at, v->mid, mid);
	for (size_t i = 0; i < v->num; i++, at += end)
		memcpy(at, v->end, end);
	memcpy(at, v->post, v->post_len);
	return out;
}

static bool is_app(const struct bytes *app)
{
	for (size_t i = 0; i < app->len; i++) {
		if (app->at[i] < 0x20 || app->at[i] > 0x7e)
			return false;
	}
	return app->len <= 32;
}

static void check_client(const struct json_vector *v,
			 const struct derp_client_info *i)
{
	struct bytes mesh = unhex(v->mesh), app = unhex(v->app);

	assert_int_equal(i->version, v->version);
	assert_int_equal(i->can_ack_pings, v->can_ack);
	assert_int_equal(i->is_prober, v->prober);
	assert_int_equal(i->has_mesh_key, mesh.len != 0);
	assert_bytes(i->mesh_key, mesh.at, mesh.len);
	assert_int_equal(i->app_len, app.len);
	assert_bytes(i->app, app.at, app.len < 32 ? app.len : 32);
	assert_int_equal(i->app_ok, is_app(&app));
	free(mesh.at);
	free(app.at);
}

static void text_is_read_as_the_reference_reads_it(void **state)
{
	const struct json_vector *v = *state;
	struct bytes js = text_of(v);
	struct derp_client_info *c =
		(struct derp_client_info *)(void *)blank(sizeof *c);
	struct derp_server_info *s =
		(struct derp_server_info *)(void *)blank(sizeof *s);

	assert_int_equal(derp_client_info_read(c, js.at, js.len),
			 v->client_ok ? 0 : DERP_E_JSON);
	if (v->client_ok)
		check_client(v, c);
	else
		assert_blank(c, sizeof *c);
	assert_int_equal(derp_server_info_read(s, js.at, js.len),
			 v->server_ok ? 0 : DERP_E_JSON);
	if (v->server_ok) {
		assert_int_equal(s->version, v->server_version);
		assert_int_equal(s->bytes_per_second, v->rate);
		assert_int_equal(s->bytes_burst, v->burst);
	} else {
		assert_blank(s, sizeof *s);
	}
	free(c);
	free(s);
	free(js.at);
}

/* No cut of an object is one. */
static void every_truncation_is_refused(void **state)
{
	static const char *const texts[] = {
		"{\"meshKey\":\"00112233445566778899aabbccddeeff0011223344556677"
		"8899aabbccddeeff\",\"version\":2,\"CanAckPings\":true,\"IsPr"
		"ober\":false,\"AppName\":\"\\u0061\\n\\ud83d\\ude00\",\"x\":"
		"[1.5e-3,null,{}]}",
		"{\"version\":2,\"TokenBucketBytesPerSecond\":100}",
		"null",
	};
	struct derp_client_info c;
	struct derp_server_info s;

	(void)state;
	for (size_t i = 0; i < NUM(texts); i++) {
		for (size_t n = 0; n <= strlen(texts[i]); n++) {
			int want = texts[i][n] == '\0' ? 0 : DERP_E_JSON;
			uint8_t *js = exact(texts[i], n);

			assert_int_equal(derp_client_info_read(&c, js, n),
					 want);
			assert_int_equal(derp_server_info_read(&s, js, n),
					 want);
			free(js);
		}
	}
}

/* ---- writing --------------------------------------------------------- */

#define MESH                                                                   \
	"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"     \
	"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"

struct client {
	const char *name;
	int64_t version;
	bool ack, prober, mesh;
	const char *app, *js;
};

static const struct client clients[] = {
	{ "write/empty", 0, false, false, false, "",
	  "{\"CanAckPings\":false}" },
	{ "write/plain", 2, false, false, false, "",
	  "{\"version\":2,\"CanAckPings\":false}" },
	{ "write/minus", -1, true, false, false, "",
	  "{\"version\":-1,\"CanAckPings\":true}" },
	{ "write/lowest", INT64_MIN, true, false, false, "",
	  "{\"version\":-9223372036854775808,\"CanAckPings\":true}" },
	{ "write/highest", INT64_MAX, true, false, false, "",
	  "{\"version\":9223372036854775807,\"CanAckPings\":true}" },
	{ "write/all", 2, true, true, true, "an app",
	  "{\"meshKey\":\"00112233445566778899aabbccddeeff00112233445566778899"
	  "aabbccddeeff\",\"version\":2,\"CanAckPings\":true,\"IsProber\":true,"
	  "\"AppName\":\"an app\"}" },
	{ "write/escapes", 2, true, false, false, "<&>\"\\/~",
	  "{\"version\":2,\"CanAckPings\":true,\"AppName\":\"\\u003c\\u0026"
	  "\\u003e\\\"\\\\/~\"}" },
	{ "write/name-32", 2, true, false, false,
	  "abcdefghijklmnopqrstuvwxyz012345",
	  "{\"version\":2,\"CanAckPings\":true,\"AppName\":\"abcdefghijklmnopqr"
	  "stuvwxyz012345\"}" },
};

/* Every buffer size from 0 to one more than needed. */
static void client_info_is_written_as_the_reference_does(void **state)
{
	const struct client *v = *state;
	struct derp_client_info i = { .version = v->version,
				      .can_ack_pings = v->ack,
				      .is_prober = v->prober,
				      .has_mesh_key = v->mesh };
	struct derp_client_info back;
	size_t want = strlen(v->js), n;

	memcpy(i.mesh_key, MESH, v->mesh ? 32 : 0);
	i.app_len = strlen(v->app);
	memcpy(i.app, v->app, i.app_len);
	for (size_t cap = 0; cap <= want + 1; cap++) {
		uint8_t *out = blank(cap);

		n = 12345;
		assert_int_equal(derp_client_info_write(&i, out, cap, &n),
				 cap < want ? DERP_E_NOBUF : 0);
		assert_int_equal(n, cap < want ? 12345 : want);
		if (cap < want) {
			assert_blank(out, cap);
		} else {
			assert_memory_equal(out, v->js, want);
			assert_blank(out + want, cap - want);
			assert_int_equal(derp_client_info_read(&back, out, n),
					 0);
			assert_int_equal(back.version, v->version);
		}
		free(out);
	}
}

static void a_name_of_33_bytes_is_not_written(void **state)
{
	struct derp_client_info i = { .app_len = 33 };
	uint8_t *out = blank(500);
	size_t n = 12345;

	(void)state;
	assert_int_equal(derp_client_info_write(&i, out, 500, &n),
			 DERP_E_VALUE);
	assert_int_equal(n, 12345);
	assert_blank(out, 500);
	free(out);
}

struct server {
	const char *name;
	struct derp_server_info info;
	const char *js;
};

static const struct server servers[] = {
	{ "write/server-empty", { 0, 0, 0 }, "{}" },
	{ "write/server", { 2, 0, 0 }, "{\"version\":2}" },
	{ "write/server-rate",
	  { 2, 1, 0 },
	  "{\"version\":2,\"TokenBucketBytesPerSecond\":1}" },
	{ "write/server-burst", { 0, 0, 3 }, "{\"TokenBucketBytesBurst\":3}" },
	{ "write/server-all",
	  { 2, 1000000, 65568 },
	  "{\"version\":2,\"TokenBucketBytesPerSecond\":1000000,\"TokenBucketBy"
	  "tesBurst\":65568}" },
};

static void server_info_is_written_as_the_reference_does(void **state)
{
	const struct server *v = *state;
	size_t want = strlen(v->js), n;

	for (size_t cap = 0; cap <= want + 1; cap++) {
		uint8_t *out = blank(cap);

		n = 12345;
		assert_int_equal(derp_server_info_write(&v->info, out, cap, &n),
				 cap < want ? DERP_E_NOBUF : 0);
		assert_int_equal(n, cap < want ? 12345 : want);
		if (cap < want)
			assert_blank(out, cap);
		else
			assert_memory_equal(out, v->js, want);
		free(out);
	}
}

int main(void)
{
	static struct suite s;

	for (size_t i = 0; i < NUM(texts_1_102_5); i++)
		add_of(&s, "1.102.5", texts_1_102_5[i].pre,
		       text_is_read_as_the_reference_reads_it,
		       &texts_1_102_5[i]);
	for (size_t i = 0; i < NUM(texts_1_104_5); i++)
		add_of(&s, "1.104.5", texts_1_104_5[i].pre,
		       text_is_read_as_the_reference_reads_it,
		       &texts_1_104_5[i]);
	ADD(&s, every_truncation_is_refused);
	for (size_t i = 0; i < NUM(clients); i++)
		add(&s, clients[i].name,
		    client_info_is_written_as_the_reference_does, &clients[i]);
	ADD(&s, a_name_of_33_bytes_is_not_written);
	for (size_t i = 0; i < NUM(servers); i++)
		add(&s, servers[i].name,
		    server_info_is_written_as_the_reference_does, &servers[i]);
	return run("info", &s);
}
