/*
 * names.c - words for the numbers of frames and events.
 */
#include <stddef.h>

#include "dump.h"

const char *const present_flags[4] = { "regular", "mesh", "prober",
				       "not-ideal" };

const char *name_mode(enum capture_mode mode)
{
	switch (mode) {
	case CAPTURE_UPGRADE:
		return "upgrade";
	case CAPTURE_FASTSTART:
		return "fast-start";
	case CAPTURE_MIDDLE:
		return "middle";
	case CAPTURE_UNKNOWN:
		break;
	}
	return "unknown";
}

const char *name_end(enum capture_end end)
{
	switch (end) {
	case CAPTURE_FIN:
		return "fin";
	case CAPTURE_RST:
		return "rst";
	case CAPTURE_REUSED:
		return "reused";
	case CAPTURE_EVICTED:
		break;
	}
	return "evicted";
}

const char *name_loss(enum capture_loss loss)
{
	switch (loss) {
	case CAPTURE_NOT_CAPTURED:
		return "not-captured";
	case CAPTURE_SNAPLEN:
		return "cut-packet";
	case CAPTURE_LIMIT:
		return "limit";
	case CAPTURE_SEALED:
		return "sealed-record";
	case CAPTURE_STEP:
		break;
	}
	return "out-of-step";
}

const char *name_reason(int reason)
{
	if (reason == 0)
		return "disconnected";
	return reason == 1 ? "not-here" : NULL;
}

uint32_t box_text_len(uint32_t box_len)
{
	return box_len < DERP_TAG_LEN ? 0 : box_len - DERP_TAG_LEN;
}

/* The lengths of what the Go client and server seal. */
const char *guess_client_info(uint32_t text_len)
{
	switch (text_len) {
	case 32:
		return "version 2, CanAckPings true";
	case 33:
		return "version 2, CanAckPings false";
	case 48:
		return "version 2, CanAckPings true, IsProber true";
	case 109:
		return "version 2, CanAckPings true, a mesh key";
	default:
		return NULL;
	}
}

const char *guess_server_info(uint32_t text_len)
{
	return text_len == 13 ? "version 2" : NULL;
}
