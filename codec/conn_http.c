/*
 * conn_http.c - what an upgrade request asks for.
 *
 * First fields count, values are held to the letter (DERP-HTTP-2, -13, -14),
 * and a WebSocket without the subprotocol is raw DERP.
 */
#include "derp_conn.h"
#include "derp_ws.h"

static bool field_is(const struct derp_http_head *h, const char *name,
		     const char *word)
{
	struct derp_text v;

	return derp_http_field(h, name, &v, NULL) && derp_text_is(&v, word);
}

enum derp_conn_asks derp_conn_asks(const struct derp_http_head *h)
{
	struct derp_ws_offer offer;

	if (derp_ws_judge_request(h, &offer) != 0)
		return DERP_ASKS_WEBSOCKET;
	if (!field_is(h, "Upgrade", "derp") &&
	    !field_is(h, "Upgrade", "websocket"))
		return DERP_ASKS_NOTHING;
	return field_is(h, "Derp-Fast-Start", "1") ? DERP_ASKS_FAST
						   : DERP_ASKS_DERP;
}
