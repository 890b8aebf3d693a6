/*
 * fuzz_baseline.c - files of known deviations.
 *
 *   input:  text
 *
 * Oracles: each error is told once, printable and with a place; each entry
 * that was accepted has a reason and stands for at least one of the cases.
 */
#include "baseline.h"
#include "fuzz.h"

static const char *const ping_reqs[] = { "DERP-PING-4", "DERP-PING-1" };
static const char *const frame_reqs[] = { "DERP-FRAME-3" };
static const char *const tags[] = { "@hostile", "slow" };

static const struct select_item items[] = {
	{ "ping.max-1000", "ping.max-1000", ping_reqs, 2, NULL, 0 },
	{ "frame.unknown", "frame.unknown[T=0x0b]", frame_reqs, 1, tags, 2 },
	{ "frame.unknown", "frame.unknown[T=0xff]", frame_reqs, 1, tags, 1 },
	{ "gone.every-time", "gone.every-time", NULL, 0, NULL, 0 },
};
#define NUM_ITEMS (sizeof(items) / sizeof(items[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baseline b = { 0 };
	uint8_t *text = fuzz_copy(data, size);
	char *told = NULL;
	size_t len = 0, errors;
	FILE *err = open_memstream(&told, &len);

	fuzz_check(err != NULL);
	errors = baseline_parse(&b, "fuzz", (const char *)text, size, items,
				NUM_ITEMS, err);
	fuzz_check(fclose(err) == 0);
	fuzz_check((errors == 0) == (len == 0));
	fuzz_check_ascii(told, len);
	fuzz_check(len == 0 || strncmp(told, "fuzz:", 5) == 0);
	fuzz_check(b.num_entries <= size);
	for (size_t i = 0; i < b.num_entries; i++) {
		const struct baseline_entry *e = &b.entries[i];
		size_t found = 0;

		fuzz_check(e->selector != NULL && e->reason != NULL &&
			   e->line > 0);
		for (size_t k = 0; k < NUM_ITEMS; k++)
			found += select_match(e->selector, &items[k]) !=
				 SELECT_NO;
		fuzz_check(found > 0 || errors > 0);
	}
	for (size_t k = 0; k < NUM_ITEMS; k++) {
		const struct baseline_entry *e = baseline_find(&b, &items[k]);

		fuzz_check(e == NULL ||
			   select_match(e->selector, &items[k]) != SELECT_NO);
	}
	baseline_free(&b);
	free(told);
	free(text);
	return 0;
}
