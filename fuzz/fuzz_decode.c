/*
 * fuzz_decode.c - derpdump from end to end: from a file to what is printed.
 *
 *   input:  pcap or pcapng file ... | form 1
 *
 * Oracle: printed.h.
 */
#include "fuzz.h"
#include "printed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dump d; /* too large for some stacks */
	struct capture *c;
	uint8_t *exact;
	int ret;

	if (size < 1)
		return 0;
	size--;
	printed_begin(&d, data[size]);
	exact = fuzz_copy(data, size);
	c = capture_new(printed_event, &d, NULL);
	fuzz_check(c != NULL);
	ret = capture_read_memory(c, exact, size, "fuzz");
	printed_end(&d, capture_counts(c), ret < 0 ? capture_error(c) : NULL);
	capture_free(c);
	free(exact);
	return 0;
}
