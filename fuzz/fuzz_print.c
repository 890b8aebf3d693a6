/*
 * fuzz_print.c - what derpdump prints of one stream.
 *
 *   input:  stream of frames ... | form 1
 *
 * As fuzz_decode, but what is fuzzed is the frames and not the file around
 * them.  The stream goes in both directions, once each.  Oracle: printed.h.
 */
#include "fuzz.h"
#include "printed.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dump d; /* too large for some stacks */
	struct wire w;

	if (size < 1)
		return 0;
	size--;
	printed_begin(&d, data[size]);
	wire_open(&w, printed_event, &d, 7000);
	for (int server = 0; server < 2; server++) {
		for (size_t at = 0; at < size; at += WIRE_DATA_MAX)
			wire_data(&w, server, (uint32_t)at, data + at,
				  size - at < WIRE_DATA_MAX ? size - at
							    : WIRE_DATA_MAX);
	}
	fuzz_check(capture_end(w.c) == 0);
	printed_end(&d, capture_counts(w.c), NULL);
	capture_free(w.c);
	return 0;
}
