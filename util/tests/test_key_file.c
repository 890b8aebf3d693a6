/*
 * test_key_file.c - keys in files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>
#include <cmocka.h>

#include "key_file.h"
#include "table.h"

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX63 "00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define UPPER "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define PRIV "privkey:" HEX

struct row {
	const char *name;
	enum key_kind kind;
	const char *text;
	int result;
};

static const struct row rows[] = {
	{ "private: hex", KEY_PRIVATE, HEX, 0 },
	{ "private: prefix", KEY_PRIVATE, PRIV, 0 },
	{ "private: blanks around", KEY_PRIVATE, " \t\r\n" PRIV "\r\n\n ", 0 },
	{ "private: upper case", KEY_PRIVATE, UPPER, 0 },
	{ "private: the reference's file", KEY_PRIVATE,
	  "{\"PrivateKey\":\"" PRIV "\"}\n", 0 },
	{ "private: other members", KEY_PRIVATE,
	  "{\"a\":[{}],\"PrivateKey\": \"" PRIV "\",\"b\":null}", 0 },
	{ "private: the last one counts", KEY_PRIVATE,
	  "{\"PrivateKey\":\"x\",\"PrivateKey\":\"" PRIV "\"}", 0 },
	{ "private: no member", KEY_PRIVATE, "{\"Private\":\"" PRIV "\"}", -1 },
	{ "private: no string", KEY_PRIVATE, "{\"PrivateKey\":7}", -1 },
	{ "private: JSON cut", KEY_PRIVATE, "{\"PrivateKey\":\"" PRIV "\"",
	  -1 },
	{ "private: JSON and more", KEY_PRIVATE,
	  "{\"PrivateKey\":\"" PRIV "\"}x", -1 },
	{ "private: hex in JSON", KEY_PRIVATE, "{\"PrivateKey\":\"" HEX "\"}",
	  -1 },
	{ "private: empty", KEY_PRIVATE, "", -1 },
	{ "private: blanks only", KEY_PRIVATE, " \n", -1 },
	{ "private: zero", KEY_PRIVATE, ZERO, -1 },
	{ "private: zero with prefix", KEY_PRIVATE, "privkey:" ZERO, -1 },
	{ "private: a digit too few", KEY_PRIVATE, "privkey:" HEX63, -1 },
	{ "mesh: a digit too few", KEY_MESH, HEX63, -1 },
	{ "private: a digit too many", KEY_PRIVATE, PRIV "0", -1 },
	{ "private: a public key", KEY_PRIVATE, "nodekey:" HEX, -1 },
	{ "private: two keys", KEY_PRIVATE, HEX "\n" HEX, -1 },
	{ "mesh: hex", KEY_MESH, HEX "\n", 0 },
	{ "mesh: prefix", KEY_MESH, PRIV, -1 },
	{ "mesh: JSON", KEY_MESH, "{\"PrivateKey\":\"" PRIV "\"}", -1 },
	{ "mesh: zero", KEY_MESH, ZERO, -1 },
	{ "mesh: empty", KEY_MESH, "", -1 },
};

static void key_text(void **state)
{
	const struct row *row = *state;
	uint8_t key[DERP_KEY_LEN], want[DERP_KEY_LEN];
	size_t len = strlen(row->text);
	char *text = malloc(len > 0 ? len : 1); /* exact: no NUL behind */

	assert_non_null(text);
	memcpy(text, row->text, len);
	memset(key, 0xaa, sizeof key);
	memset(want, 0xaa, sizeof want);
	for (uint8_t i = 0; i < DERP_KEY_LEN && row->result == 0; i++)
		want[i] = i;
	assert_int_equal(key_text_read(key, row->kind, text, len), row->result);
	assert_memory_equal(key, want, sizeof key);
	free(text);
}

/* ---- files ----------------------------------------------------------- */

static char dir[] = "/tmp/derpkit-key-XXXXXX", path[64];

static int make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/key", dir);
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void put_file(size_t n, char fill, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (size_t i = 0; i < n; i++)
		fputc(fill, f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void file_round_trip(void **state)
{
	uint8_t key[DERP_KEY_LEN], again[DERP_KEY_LEN] = { 0 };
	char err[KEY_FILE_ERR_MAX], want[128];
	struct stat st;

	(void)state;
	for (int i = 0; i < 2; i++) {
		enum key_kind kind = i == 0 ? KEY_PRIVATE : KEY_MESH;
		unlink(path);
		key_new(key);
		assert_int_equal(key[0] & 7, 0);
		assert_int_equal(key[31] & 0xc0, 0x40);
		assert_int_equal(key_file_create(path, kind, key, err), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(key_file_read(again, kind, path, err), 0);
		assert_memory_equal(key, again, sizeof key);
	}
	/* What is there is left alone. */
	assert_int_equal(key_file_create(path, KEY_MESH, again, err), -1);
	snprintf(want, sizeof want, "%s: File exists", path);
	assert_string_equal(err, want);
	assert_int_equal(key_file_read(again, KEY_MESH, path, err), 0);
	assert_memory_equal(key, again, sizeof key);
}

static void file_size_is_bounded(void **state)
{
	uint8_t key[DERP_KEY_LEN];
	char err[KEY_FILE_ERR_MAX], want[128];

	(void)state;
	put_file(4096 - 64, ' ', HEX);
	assert_int_equal(key_file_read(key, KEY_MESH, path, err), 0);
	put_file(4097 - 64, ' ', HEX);
	assert_int_equal(key_file_read(key, KEY_MESH, path, err), -1);
	snprintf(want, sizeof want, "%s: too large for a key file", path);
	assert_string_equal(err, want);
}

static void file_errors_name_the_file(void **state)
{
	uint8_t key[DERP_KEY_LEN];
	char err[KEY_FILE_ERR_MAX], want[256];

	(void)state;
	put_file(0, ' ', "x\n");
	assert_int_equal(key_file_read(key, KEY_MESH, path, err), -1);
	snprintf(want, sizeof want, "%s: no mesh key: wants 64 hex digits",
		 path);
	assert_string_equal(err, want);
	unlink(path);
	assert_int_equal(key_file_read(key, KEY_MESH, path, err), -1);
	snprintf(want, sizeof want, "%s: No such file or directory", path);
	assert_string_equal(err, want);
	assert_int_equal(key_file_read(key, KEY_PRIVATE, dir, err), -1);
	snprintf(want, sizeof want, "%s: Is a directory", dir);
	assert_string_equal(err, want);
	assert_int_equal(key_file_read(key, KEY_PRIVATE, "/no\n", err), -1);
	assert_string_equal(err, "/no\\x0a: No such file or directory");
}

static void standard_input(void **state)
{
	uint8_t key[DERP_KEY_LEN];
	char err[KEY_FILE_ERR_MAX];

	(void)state;
	put_file(0, ' ', HEX "\n");
	assert_non_null(freopen(path, "r", stdin));
	assert_int_equal(key_file_read(key, KEY_MESH, "-", err), 0);
	assert_int_equal(key[31], 31);
}

/* ---- the hash -------------------------------------------------------- */

static void hash_is_keyed(void **state)
{
	unsigned before = table_hash("abc", 3);

	(void)state;
	assert_int_equal(before, table_hash("abc", 3));
	assert_int_not_equal(before, table_hash("abd", 3));
	assert_int_not_equal(before, table_hash("abc", 2));
	table_init();
	assert_int_not_equal(before, table_hash("abc", 3));
}

#define NUM_ROWS (sizeof rows / sizeof rows[0])

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "a key goes to a file and back", file_round_trip, 0, 0, 0 },
		{ "a key file has 4096 bytes at most", file_size_is_bounded, 0,
		  0, 0 },
		{ "an error names the file", file_errors_name_the_file, 0, 0,
		  0 },
		{ "- is standard input", standard_input, 0, 0, 0 },
		{ "the hash is drawn anew at start", hash_is_keyed, 0, 0, 0 },
	};
	static struct CMUnitTest tests[NUM_ROWS];
	int failed;

	if (sodium_init() < 0)
		return 1;
	table_init();
	for (size_t i = 0; i < NUM_ROWS; i++) {
		tests[i].name = rows[i].name;
		tests[i].test_func = key_text;
		memcpy(&tests[i].initial_state, &(const void *){ &rows[i] },
		       sizeof(void *));
	}
	failed = cmocka_run_group_tests_name("text", tests, NULL, NULL);
	return failed +
	       cmocka_run_group_tests_name("files", others, make_dir, drop_dir);
}
