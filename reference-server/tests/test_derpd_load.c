/*
 * test_derpd_load.c - slow readers, crowds, shortages, signals and wrong
 * command lines.  Each test starts a derpd of its own.
 */
#include "live.h"

/* ---- helpers ---------------------------------------------------------- */

static double cpu_seconds(pid_t pid)
{
	char path[64], text[1024], *p;
	unsigned long user, sys;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	p = strrchr(text, ')');
	if (p == NULL ||
	    sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		   &user, &sys) != 2)
		return 0;
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- slow readers ---------------------------------------------------- */

#define BIG 60000

static void number(uint8_t *out, unsigned i)
{
	out[0] = (uint8_t)(i >> 8);
	out[1] = (uint8_t)i;
}

/* A sender is never slowed down by who does not read; the newest 32 are there
 * when that one reads again, behind what the kernel took; others are served
 * all the while. */
static void head_drop(void **state)
{
	const char *const args[] = { "--write-timeout", "60", NULL };
	static uint8_t data[BIG];
	struct live_server s;
	struct conn *a, *b, *c, *d;
	struct derp_frame f;
	unsigned last = 0, num = 0, tail = 0;

	(void)state;
	live_start(&s, args, 0);
	a = conn_login(&s);
	b = conn_login(&s);
	c = conn_login(&s);
	d = conn_login(&s);
	for (unsigned i = 1; i <= 300; i++) {
		number(data, i);
		conn_packet(a, b->pub, data, BIG);
		if (i % 50 == 0) {
			conn_packet(c, d->pub, data, 100);
			conn_expect_packet(d, c->pub, data, 100);
		}
	}
	conn_ping(a);
	while (last < 300) {
		conn_expect(b, DERP_RECV_PACKET, &f);
		unsigned i = f.body[32] * 256u + f.body[33];
		assert_int_equal(f.len, DERP_KEY_LEN + BIG);
		assert_true(i > last);
		tail = i == last + 1 ? tail + 1 : 1;
		last = i;
		num++;
	}
	/* One more than the queue may be begun at the gap. */
	assert_in_range(tail, 32, 33);
	assert_true(num < 300);
	conn_quiet(b, QUIET_MS);
	conn_ping(b);
	conn_close(a);
	conn_close(b);
	conn_close(c);
	conn_close(d);
	live_stop(&s);
}

/* Who reads nothing is closed after the write time-out, and may end in the
 * middle of a frame; a slow reader that takes something is not. */
static void write_timeout(void **state)
{
	const char *const args[] = { "--write-timeout", "2", NULL };
	static uint8_t data[BIG];
	struct live_server s;
	struct conn *a, *b, *slow;
	struct derp_frame f;
	int64_t begin, gone_ms = 0;
	double cpu;
	int e;

	(void)state;
	live_start(&s, args, 0);
	a = conn_login(&s);
	b = conn_login(&s);
	slow = conn_login(&s);
	conn_packet(b, a->pub, "x", 1); /* so that a is told of their end */
	conn_expect_packet(a, b->pub, "x", 1);
	conn_packet(slow, a->pub, "y", 1);
	conn_expect_packet(a, slow->pub, "y", 1);
	begin = clock_ms();
	for (int i = 0; i < 200; i++) {
		conn_packet(a, b->pub, data, BIG);
		conn_packet(a, slow->pub, data, BIG);
	}
	/* More waits than is read, for over twice the time-out; but something
	 * is read all the time. */
	for (int i = 0; i < 45; i++) {
		for (int k = 0; k < 2; k++)
			conn_frame(slow, &f, 0);
		for (int k = 0; k < 3; k++)
			conn_packet(a, slow->pub, data, BIG);
		sleep_ms(100);
		if (gone_ms == 0 && conn_fill(a, 0) == 1)
			gone_ms = clock_ms() - begin;
	}
	assert_in_range(gone_ms, 1900, 5000);
	conn_expect_gone(a, b->pub, 0);
	/* What is in the kernel can still be read; then the end. */
	while ((e = conn_frame(b, &f, WAIT_MS)) == 1)
		assert_int_equal(f.type, DERP_RECV_PACKET);
	assert_int_equal(e, -1);
	conn_quiet(a, QUIET_MS); /* slow has not left */
	/* Nor does it when it has caught up and the time-out passes again; and
	 * the server is done with it. */
	while (conn_frame(slow, &f, 300) == 1)
		;
	cpu = cpu_seconds(s.pid);
	conn_quiet(slow, 2300);
	assert_true(cpu_seconds(s.pid) - cpu < 0.2);
	conn_ping(slow);
	conn_close(a);
	conn_close(b);
	conn_close(slow);
	live_stop(&s);
}

/* ---- crowds ---------------------------------------------------------- */

static void five_hundred(void **state)
{
	enum { NUM = 500 };
	static struct conn *c[NUM];
	struct live_server s;

	(void)state;
	live_start(&s, NULL, 0);
	for (int i = 0; i < NUM; i++)
		c[i] = conn_login(&s);
	for (int i = 0; i < NUM; i++)
		conn_packet(c[i], c[(i + 1) % NUM]->pub, "hi", 2);
	for (int i = 0; i < NUM; i++)
		conn_expect_packet(c[(i + 1) % NUM], c[i]->pub, "hi", 2);
	/* All but the last leave; its sender is among them. */
	for (int i = 0; i < NUM - 1; i++)
		conn_hang_up(c[i]);
	conn_expect_gone(c[NUM - 1], c[NUM - 2]->pub, 0);
	conn_ping(c[NUM - 1]);
	live_stop(&s);
	conn_expect_closed(c[NUM - 1]);
	conn_hang_up(c[NUM - 1]);
	for (int i = 0; i < NUM; i++)
		free(c[i]);
}

static void max_clients(void **state)
{
	const char *const args[] = { "--max-clients", "3", NULL };
	struct live_server s;
	struct conn *c[3], *extra;
	char text[128];

	(void)state;
	if (live_tls() != NULL)
		skip(); /* no answer there: it is just closed */
	live_start(&s, args, 0);
	for (int i = 0; i < 3; i++)
		c[i] = conn_login(&s);
	extra = conn_open(&s);
	assert_int_equal(conn_fill(extra, WAIT_MS), 1);
	snprintf(text, sizeof text, "%.12s", (const char *)extra->at);
	assert_string_equal(text, "HTTP/1.1 503");
	conn_expect_closed(extra);
	conn_close(extra);
	for (int i = 0; i < 3; i++)
		conn_ping(c[i]);
	/* A place that is left can be taken. */
	conn_packet(c[0], c[1]->pub, "x", 1);
	conn_expect_packet(c[1], c[0]->pub, "x", 1);
	conn_hang_up(c[0]);
	conn_expect_gone(c[1], c[0]->pub, 0);
	extra = conn_login(&s);
	conn_ping(extra);
	conn_close(extra);
	conn_close(c[1]);
	conn_close(c[2]);
	free(c[0]);
	live_stop(&s);
}

/* Without descriptors it waits and does not spin, serves whom it has, and
 * takes the next when there is room. */
static void no_descriptors(void **state)
{
	enum { NUM = 40 };
	struct conn *c[NUM], *in;
	struct live_server s;
	double before;

	(void)state;
	if (live_tls() != NULL)
		skip(); /* the kernel alone makes no handshake */
	live_start(&s, NULL, 32);
	in = conn_login(&s);
	for (int i = 0; i < NUM; i++)
		c[i] = conn_open(&s); /* the kernel takes them all */
	conn_ping(in);
	before = cpu_seconds(s.pid);
	sleep_ms(1500);
	assert_true(cpu_seconds(s.pid) - before < 0.15);
	conn_ping(in);
	for (int i = 0; i < NUM; i++)
		conn_close(c[i]);
	c[0] = conn_login(&s);
	conn_ping(c[0]);
	conn_close(c[0]);
	conn_close(in);
	live_stop(&s);
}

/* Memory that a crowd of unfinished packets takes comes back; and it is idle
 * when nothing happens. */
static void idle_does_not_spin(void **state)
{
	struct live_server s;
	struct conn *c;
	double before;

	(void)state;
	live_start(&s, NULL, 0);
	c = conn_login(&s);
	conn_write(c, "\x04\0\x01\0\0", 5);
	before = cpu_seconds(s.pid);
	sleep_ms(1000);
	assert_true(cpu_seconds(s.pid) - before < 0.15);
	conn_close(c);
	live_stop(&s);
}

/* ---- time ------------------------------------------------------------ */

static void keep_alive(void **state)
{
	const char *const args[] = { "--keep-alive", "1", NULL };
	struct live_server s;
	struct conn *c, *dup;
	struct derp_frame f;
	int64_t last;

	(void)state;
	live_start(&s, args, 0);
	c = conn_login(&s);
	dup = conn_login_as(&s, c, "{}");
	last = clock_ms();
	conn_write(c, "\x04\0\0", 3); /* within a frame as well */
	for (int i = 0; i < 3; i++) {
		conn_expect(c, DERP_KEEP_ALIVE, &f);
		assert_int_equal(f.len, 0);
		assert_in_range(clock_ms() - last, 950, 1900);
		last = clock_ms();
		conn_expect(dup, DERP_KEEP_ALIVE, &f);
	}
	conn_close(c);
	conn_close(dup);
	live_stop(&s);
}

/* ---- start and end --------------------------------------------------- */

static void ends_by_signal(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct live_server s;
		struct conn *c;
		live_start(&s, NULL, 0);
		c = conn_login(&s);
		kill(s.pid, signals[i]);
		assert_int_equal(live_wait(&s), 0);
		conn_expect_closed(c);
		conn_close(c);
	}
}

static void prints_all_listeners(void **state)
{
	const char *const args[] = { "--listen", "127.0.0.1:0", "--listen",
				     "localhost:0", NULL };
	unsigned port, len = 0;
	struct live_server s;
	char text[256];

	(void)state;
	live_exec(&s, args, 0);
	while (len < 8 || strchr(strchr(text, '\n') + 1, '\n') == NULL)
		len += (unsigned)live_read_out(&s, text + len,
					       sizeof text - len, "\n");
	assert_int_equal(sscanf(text, "listen 127.0.0.1:%u\n", &port), 1);
	assert_true(port > 0);
	assert_memory_equal(strchr(text, '\n'), "\nlisten ", 8);
	live_stop(&s);
}

/* What it prints on standard error when it does not start. */
static int fails(char *err, size_t cap, const char *const *args)
{
	struct live_server s;
	FILE *f = tmpfile();
	int saved = dup(2), code;
	char out[64];

	assert_non_null(f);
	setenv("DERPD_TEST_LOG", "1", 1);
	dup2(fileno(f), 2);
	live_exec(&s, args, 0);
	dup2(saved, 2);
	close(saved);
	unsetenv("DERPD_TEST_LOG");
	code = live_wait(&s);
	assert_int_equal(read(s.out, out, sizeof out), -1); /* closed by wait */
	rewind(f);
	err[fread(err, 1, cap - 1, f)] = '\0';
	fclose(f);
	return code;
}

static void wrong_starts(void **state)
{
	static const struct {
		const char *args[4];
		int code;
		const char *err;
	} rows[] = {
		{ { "--listen", "x" },
		  2,
		  "derpd: --listen wants HOST:PORT or [ADDR]:PORT, not 'x' "
		  "(see derpd --help)\n" },
		{ { "--max-clients", "0" },
		  2,
		  "derpd: --max-clients wants a number from 1 to 100000, not "
		  "'0' (see derpd --help)\n" },
		{ { "--keep-alive", "0.5" },
		  2,
		  "derpd: --keep-alive wants seconds from 1 to 3600, not "
		  "'0.5' (see derpd --help)\n" },
		{ { "--log", "loud" },
		  2,
		  "derpd: --log wants error, warn, info or debug, not 'loud' "
		  "(see derpd --help)\n" },
		{ { "operand" },
		  2,
		  "derpd: takes no operands (see derpd --help)\n" },
		{ { "--nope" },
		  2,
		  "derpd: unknown option '--nope' (see derpd --help)\n" },
		{ { "--key-file", "/nonexistent" },
		  3,
		  "derpd: /nonexistent: No such file or directory\n" },
		{ { "--mesh-key-file", "/dev/null" },
		  3,
		  "derpd: /dev/null: no mesh key: wants 64 hex digits\n" },
		{ { "--listen", "192.0.2.1:1" },
		  3,
		  "derpd: cannot listen on 192.0.2.1:1: Cannot assign "
		  "requested address\n" },
	};
	char err[512];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(fails(err, sizeof err, rows[i].args),
				 rows[i].code);
		assert_string_equal(err, rows[i].err);
	}
}

static void port_in_use(void **state)
{
	const char *args[] = { "--listen", "127.0.0.1:0", "--listen", NULL,
			       NULL };
	char text[64], err[512], want[512];
	struct live_server s;

	(void)state;
	live_start(&s, NULL, 0);
	snprintf(text, sizeof text, "127.0.0.1:%u", s.port);
	args[3] = text;
	assert_int_equal(fails(err, sizeof err, args), 3);
	snprintf(want, sizeof want,
		 "derpd: cannot listen on %s: Address already in use\n", text);
	assert_string_equal(err, want);
	live_stop(&s);
}

static void key_file(void **state)
{
	static const char text[] = "privkey:000102030405060708090a0b0c0d0e0f"
				   "101112131415161718191a1b1c1d1e1f\n";
	/* Its public key, by another implementation. */
	static const uint8_t want[DERP_KEY_LEN] = {
		0x8f, 0x40, 0xc5, 0xad, 0xb6, 0x8f, 0x25, 0x62,
		0x4a, 0xe5, 0xb2, 0x14, 0xea, 0x76, 0x7a, 0x6e,
		0xc9, 0x4d, 0x82, 0x9d, 0x3d, 0x7b, 0x5e, 0x1a,
		0xd1, 0xba, 0x6f, 0x3e, 0x21, 0x38, 0x28, 0x5f
	};
	char path[] = "/tmp/derpd-key-XXXXXX";
	const char *const args[] = { "--key-file", path, NULL };
	int fd = mkstemp(path);
	struct live_server s;
	struct conn *c;

	(void)state;
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	close(fd);
	live_start(&s, args, 0);
	c = conn_login(&s);
	assert_memory_equal(c->server, want, DERP_KEY_LEN);
	conn_close(c);
	live_stop(&s);
	unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "DERP-LIMIT-1, -2, -3: a full queue keeps the newest 32",
		  head_drop, 0, 0, 0 },
		{ "DERP-LIMIT-4: who does not read is closed", write_timeout, 0,
		  0, 0 },
		{ "500 connections", five_hundred, 0, 0, 0 },
		{ "--max-clients holds", max_clients, 0, 0, 0 },
		{ "without descriptors it does not spin", no_descriptors, 0, 0,
		  0 },
		{ "idle it does not spin", idle_does_not_spin, 0, 0, 0 },
		{ "DERP-ALIVE-1, -2: keep-alives come to all", keep_alive, 0, 0,
		  0 },
		{ "SIGTERM and SIGINT end it with 0", ends_by_signal, 0, 0, 0 },
		{ "every listener is printed", prints_all_listeners, 0, 0, 0 },
		{ "a wrong command line is one line", wrong_starts, 0, 0, 0 },
		{ "a port in use is one line", port_in_use, 0, 0, 0 },
		{ "the key comes from the file", key_file, 0, 0, 0 },
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
