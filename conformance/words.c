/*
 * words.c - the vocabulary of the scenario language, as tables.
 *
 * The parser checks against these tables, the engine runs by them, and a test
 * compares them with docs/scenario.md: a word exists here or nowhere.
 */
#include <string.h>

#include "derp.h"
#include "scenario.h"

#define U8 0xffu
#define U16 0xffffu
#define U32 0xffffffffu
#define ANY UINT64_MAX

const struct scenario_arg_def scenario_args[ARG_IDS] = {
	[ARG_RCVBUF] = { "rcvbuf", VALUE_NUM, NULL, 1u << 30, false },
	[ARG_PATH] = { "path", VALUE_TEXT, NULL, 0, false },
	[ARG_HOST] = { "host", VALUE_TEXT, NULL, 0, false },
	[ARG_FAST_START] = { "fast-start", VALUE_WORD, "yes no", 0, false },
	[ARG_IDEAL_NODE] = { "ideal-node", VALUE_TEXT, NULL, 0, false },
	[ARG_HEADER] = { "header", VALUE_TEXT, NULL, 0, true },
	[ARG_AS] = { "as", VALUE_CONN, NULL, 0, false },
	[ARG_MESH] = { "mesh", VALUE_WORD, "yes wrong no", 0, false },
	[ARG_JSON] = { "json", VALUE_BYTES, NULL, 0, false },
	[ARG_PROBER] = { "prober", VALUE_WORD, "yes no", 0, false },
	[ARG_APP] = { "app", VALUE_TEXT, NULL, 0, false },
	[ARG_COUNT] = { NULL, VALUE_NUM, NULL, SCENARIO_BYTES_MAX, false },
	[ARG_PAUSE] = { NULL, VALUE_DURATION, NULL, 0, false },
	[ARG_FRAME] = { NULL, VALUE_FRAME, NULL, 0, false },
	[ARG_MAGIC] = { "magic", VALUE_BYTES, NULL, 0, false },
	[ARG_KEY] = { "key", VALUE_BYTES, NULL, 0, false },
	[ARG_SRC] = { "src", VALUE_BYTES, NULL, 0, false },
	[ARG_DST] = { "dst", VALUE_BYTES, NULL, 0, false },
	[ARG_HOME] = { "home", VALUE_NUM, NULL, U8, false },
	[ARG_REASON] = { "reason", VALUE_NUM, NULL, U8, false },
	[ARG_IP] = { "ip", VALUE_BYTES, NULL, 0, false },
	[ARG_PORT] = { "port", VALUE_NUM, NULL, U16, false },
	[ARG_FLAGS] = { "flags", VALUE_NUM, NULL, U8, false },
	[ARG_IN] = { "in", VALUE_NUM, NULL, U32, false },
	[ARG_TRY] = { "try", VALUE_NUM, NULL, U32, false },
	[ARG_TYPE] = { "type", VALUE_NUM, NULL, U8, false },
	[ARG_NONCE] = { "nonce", VALUE_BYTES, NULL, 0, false },
	[ARG_TO] = { "to", VALUE_BYTES, NULL, 0, false },
	[ARG_BOX] = { "box", VALUE_BYTES, NULL, 0, false },
	[ARG_FLIP] = { "flip", VALUE_NUM, NULL, SCENARIO_BYTES_MAX, false },
	[ARG_VERSION] = { "version", VALUE_NUM, NULL, ANY, false },
	[ARG_HTTP_VERSION] = { "version", VALUE_TEXT, NULL, 0, false },
	[ARG_RATE] = { "rate", VALUE_NUM, NULL, ANY, false },
	[ARG_BURST] = { "burst", VALUE_NUM, NULL, ANY, false },
	[ARG_METHOD] = { "method", VALUE_TEXT, NULL, 0, false },
	[ARG_UPGRADE] = { "upgrade", VALUE_TEXT, NULL, 0, false },
	[ARG_CONNECTION] = { "connection", VALUE_TEXT, NULL, 0, false },
	[ARG_NO_HEADER] = { "no-header", VALUE_TEXT, NULL, 0, true },
	[ARG_STATUS] = { "status", VALUE_NUM, NULL, 999, false },
	[ARG_BODY] = { "body", VALUE_BYTES, NULL, 0, false },
	[ARG_DATA] = { NULL, VALUE_BYTES, NULL, 0, false },
	[ARG_LEN] = { "len", VALUE_NUM, NULL, U32, false },
	[ARG_CUT] = { "cut", VALUE_NUM, NULL, SCENARIO_BYTES_MAX, false },
	[ARG_TAIL] = { "tail", VALUE_BYTES, NULL, 0, false },
};

#define A(x) (UINT64_C(1) << ARG_##x)

#define CONNECT A(RCVBUF)
#define UPGRADE                                                                \
	(CONNECT | A(PATH) | A(HOST) | A(FAST_START) | A(IDEAL_NODE) |         \
	 A(HEADER))
#define INFO (A(AS) | A(MESH) | A(JSON) | A(PROBER) | A(APP))
#define FRAME (A(LEN) | A(CUT) | A(TAIL))
#define REQUEST                                                                \
	(A(METHOD) | A(PATH) | A(HTTP_VERSION) | A(HOST) | A(UPGRADE) |        \
	 A(CONNECTION) | A(FAST_START) | A(IDEAL_NODE) | A(HEADER) | A(BODY))
#define PRESENT (A(KEY) | A(IP) | A(PORT) | A(FLAGS) | A(APP))

#define DO(id, name, give, need, text)                                         \
	{                                                                      \
		name, WORD_ACTION, DO_##id, 0, false, false, give, 0, need,    \
			text                                                   \
	}
#define SENT(name, type, give, text)                                           \
	{                                                                      \
		name, WORD_FRAME, WORD_TYPED, DERP_##type, true, false,        \
			(give) | FRAME, 0, 0, text                             \
	}
#define BOTH(name, type, args, text)                                           \
	{                                                                      \
		name, WORD_FRAME, WORD_TYPED, DERP_##type, true, true,         \
			(args) | FRAME, (args) | A(LEN), 0, text               \
	}
#define SAY(id, name, text)                                                    \
	{                                                                      \
		name, WORD_STATEMENT, WORD_##id, 0, false, false, 0, 0, 0,     \
			text                                                   \
	}

const struct scenario_word scenario_words[] = {
	DO(CONNECT, "connect", CONNECT, 0, "open TCP, nothing more"),
	DO(UPGRADE, "upgrade", UPGRADE, 0, "HTTP upgrade, up to ServerKey"),
	DO(LOGIN, "login", UPGRADE | INFO, 0, "log in, up to ServerInfo"),
	DO(CLOSE, "close", 0, 0, "close both directions"),
	DO(RESET, "reset", 0, 0, "close with RST"),
	DO(SHUTDOWN, "shutdown", 0, 0, "close the sending direction"),
	DO(PAUSE, "pause", 0, 0, "stop reading"),
	DO(RESUME, "resume", 0, 0, "read again"),
	DO(CUT, "cut", A(COUNT), A(COUNT), "at most so many bytes a write"),
	DO(DRIBBLE, "dribble", A(COUNT) | A(PAUSE), A(COUNT) | A(PAUSE),
	   "cut, with a pause after each write"),
	DO(WHOLE, "whole", 0, 0, "end cut and dribble"),
	DO(HOLD, "hold", 0, 0, "collect what is sent"),
	DO(FLUSH, "flush", 0, 0, "send what was collected in one write"),
	DO(IGNORE, "ignore", A(FRAME), A(FRAME), "do not judge such frames"),

	BOTH("server-key", SERVER_KEY, A(MAGIC) | A(KEY), "ServerKey"),
	SENT("client-info", CLIENT_INFO,
	     INFO | A(KEY) | A(NONCE) | A(TO) | A(BOX) | A(FLIP) | A(TYPE),
	     "ClientInfo"),
	{ "server-info", WORD_FRAME, WORD_TYPED, DERP_SERVER_INFO, false, true,
	  0, A(VERSION) | A(RATE) | A(BURST) | A(JSON) | A(LEN), 0,
	  "ServerInfo" },
	SENT("send", SEND_PACKET, A(DST) | A(DATA), "SendPacket"),
	BOTH("recv", RECV_PACKET, A(SRC) | A(DATA), "RecvPacket"),
	BOTH("keep-alive", KEEP_ALIVE, A(DATA), "KeepAlive"),
	SENT("note-preferred", NOTE_PREFERRED, A(HOME), "NotePreferred"),
	BOTH("peer-gone", PEER_GONE, A(KEY) | A(REASON), "PeerGone"),
	BOTH("peer-present", PEER_PRESENT, PRESENT, "PeerPresent"),
	SENT("forward", FORWARD_PACKET, A(SRC) | A(DST) | A(DATA),
	     "ForwardPacket"),
	SENT("watch", WATCH_CONNS, A(DATA), "WatchConns"),
	SENT("close-peer", CLOSE_PEER, A(KEY), "ClosePeer"),
	BOTH("ping", PING, A(DATA), "Ping"),
	BOTH("pong", PONG, A(DATA), "Pong"),
	BOTH("health", HEALTH, A(DATA), "Health"),
	BOTH("restarting", RESTARTING, A(IN) | A(TRY), "Restarting"),
	{ "raw", WORD_FRAME, WORD_RAW, 0, true, true, A(TYPE) | A(DATA) | FRAME,
	  A(TYPE) | A(DATA) | A(LEN), A(TYPE), "a frame by its number" },
	{ "http", WORD_FRAME, WORD_HTTP, 0, true, true, REQUEST,
	  A(STATUS) | A(HEADER) | A(NO_HEADER) | A(BODY), 0,
	  "an HTTP request; an HTTP response" },
	{ "bytes", WORD_FRAME, WORD_BYTES, 0, true, false, A(DATA), 0, A(DATA),
	  "bytes as they are" },
	{ "closed", WORD_FRAME, WORD_CLOSED, 0, false, true, 0, 0, 0,
	  "the connection ended" },
	{ "open", WORD_FRAME, WORD_OPEN, 0, false, true, 0, 0, 0,
	  "the connection is still served" },

	SAY(FENCE, "fence", "wait until the server has read, or delivered"),
	SAY(SETTLE, "settle", "wait one settle time"),
	SAY(WAIT, "wait", "let time pass"),
	SAY(REPEAT, "repeat", "the steps up to end, so many times"),
	SAY(END, "end", "ends repeat"),
	SAY(LET, "let", "name a byte value"),
	SAY(CALL, "call", "a C function of the engine"),
	{ NULL, WORD_STATEMENT, WORD_END, 0, false, false, 0, 0, 0, NULL },
};

const struct scenario_word *scenario_word_find(enum scenario_word_kind kind,
					       const char *name, size_t len)
{
	for (const struct scenario_word *w = scenario_words; w->name; w++)
		if (w->kind == kind && strlen(w->name) == len &&
		    memcmp(w->name, name, len) == 0)
			return w;
	return NULL;
}

const struct scenario_word *scenario_word_of_type(uint32_t type)
{
	for (const struct scenario_word *w = scenario_words; w->name; w++)
		if (w->id == WORD_TYPED && w->type == type)
			return w;
	return NULL;
}
