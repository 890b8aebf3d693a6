--
-- derp.lua - a Wireshark and tshark dissector for DERP.
--
--   HTTP upgrade -------\
--   WebSocket messages --> frames --> fields --> disco, WireGuard
--   Fast-Start ---------/
--   Decode As ---------/
--
-- The protocol is that of docs/protocol.md; how to use this file is told in
-- docs/wireshark.md.  It runs with Lua 5.2 to 5.4: no operators on bits, no
-- integer division.
--
-- Wireshark reads a packet more than once.  What depends on earlier packets
-- is therefore learned on the first visit only, and looked up afterwards.
--

local derp = Proto("derp", "DERP")
-- WebSocket has no desegmentation for what it carries, so it has an entry of
-- its own, which joins messages itself.
local derp_ws = Proto("derp_ws", "DERP over WebSocket")

local HEAD = 5 -- type 1, length 4
-- A frame is joined up to the length that a client accepts; the bytes of a
-- longer one are passed over, or a hostile length would be waited for.
local FRAME_MAX = 1048576
local HTTP_HEAD_MAX = 16384
local PACKET_MAX = 65536
local SHOWN_MAX = 8 -- frames of one call in the Info column
local MAGIC = "DERP\240\159\148\145"
local DISCO = "TS\240\159\146\172"
local DISCO_MIN = 62

derp.prefs.wireguard = Pref.bool("Decode WireGuard inside", false,
	"Hand relayed WireGuard packets to Wireshark's own dissector")

-- ---- fields ---------------------------------------------------------------

local names = {
	[0x01] = "ServerKey", [0x02] = "ClientInfo", [0x03] = "ServerInfo",
	[0x04] = "SendPacket", [0x05] = "RecvPacket", [0x06] = "KeepAlive",
	[0x07] = "NotePreferred", [0x08] = "PeerGone",
	[0x09] = "PeerPresent", [0x0a] = "ForwardPacket",
	[0x10] = "WatchConns", [0x11] = "ClosePeer", [0x12] = "Ping",
	[0x13] = "Pong", [0x14] = "Health", [0x15] = "Restarting",
}
local reasons = { [0] = "Disconnected", [1] = "NotHere" }

local f = {
	type = ProtoField.uint8("derp.type", "Type", base.HEX, names),
	len = ProtoField.uint32("derp.len", "Length", base.DEC),
	magic = ProtoField.bytes("derp.magic", "Magic"),
	server_key = ProtoField.bytes("derp.server_key", "Server key"),
	client_key = ProtoField.bytes("derp.client_key", "Client key"),
	src = ProtoField.bytes("derp.src", "Source key"),
	dst = ProtoField.bytes("derp.dst", "Destination key"),
	peer = ProtoField.bytes("derp.peer", "Peer key"),
	nonce = ProtoField.bytes("derp.nonce", "Nonce"),
	box = ProtoField.bytes("derp.box", "Sealed box"),
	guess = ProtoField.string("derp.box.consistent_with",
		"Length is consistent with"),
	ping = ProtoField.bytes("derp.ping", "Data"),
	reason = ProtoField.uint8("derp.peer_gone.reason", "Reason", base.DEC,
		reasons),
	ip = ProtoField.ipv4("derp.peer_present.ip", "Address"),
	ipv6 = ProtoField.ipv6("derp.peer_present.ipv6", "Address"),
	port = ProtoField.uint16("derp.peer_present.port", "Port", base.DEC),
	flags = ProtoField.uint8("derp.peer_present.flags", "Flags", base.HEX),
	regular = ProtoField.bool("derp.peer_present.flags.regular", "Regular",
		8, nil, 0x01),
	mesh = ProtoField.bool("derp.peer_present.flags.mesh", "Mesh peer",
		8, nil, 0x02),
	prober = ProtoField.bool("derp.peer_present.flags.prober", "Prober",
		8, nil, 0x04),
	not_ideal = ProtoField.bool("derp.peer_present.flags.not_ideal",
		"Not ideal", 8, nil, 0x08),
	app = ProtoField.string("derp.peer_present.app", "Application",
		base.UNICODE),
	health = ProtoField.string("derp.health", "Problem", base.UNICODE),
	reconnect_in = ProtoField.uint32("derp.restarting.reconnect_in",
		"Reconnect in (ms)", base.DEC),
	try_for = ProtoField.uint32("derp.restarting.try_for",
		"Try for (ms)", base.DEC),
	preferred = ProtoField.uint8("derp.note_preferred", "Home", base.DEC),
	payload = ProtoField.bytes("derp.payload", "Packet"),
	kind = ProtoField.string("derp.payload.kind", "Packet kind"),
	disco_key = ProtoField.bytes("derp.disco.key", "Disco key"),
	wg_sender = ProtoField.uint32("derp.wg.sender", "WireGuard sender",
		base.HEX),
	wg_receiver = ProtoField.uint32("derp.wg.receiver",
		"WireGuard receiver", base.HEX),
	wg_counter = ProtoField.uint64("derp.wg.counter", "WireGuard counter",
		base.DEC),
	tail = ProtoField.bytes("derp.tail", "Bytes behind the last field"),
	unknown = ProtoField.bytes("derp.unknown", "Payload, not decoded"),
	faststart = ProtoField.bool("derp.faststart", "Fast-Start"),
}
derp.fields = f

local e = {
	short = ProtoExpert.new("derp.short",
		"Frame ends before its required fields",
		expert.group.MALFORMED, expert.severity.ERROR),
	too_big = ProtoExpert.new("derp.too_big",
		"Frame is longer than a receiver accepts",
		expert.group.PROTOCOL, expert.severity.WARN),
	unknown_type = ProtoExpert.new("derp.unknown_type",
		"Frame type has no name", expert.group.UNDECODED,
		expert.severity.NOTE),
	bad_magic = ProtoExpert.new("derp.bad_magic",
		"ServerKey does not begin with the magic bytes",
		expert.group.MALFORMED, expert.severity.ERROR),
}
derp.experts = e

-- Payload lengths: the least that holds the required fields, the most that
-- the receiver takes.
local least = {
	[0x01] = 40, [0x02] = 56, [0x03] = 24, [0x04] = 32, [0x05] = 32,
	[0x07] = 1, [0x08] = 32, [0x09] = 32, [0x0a] = 64, [0x11] = 32,
	[0x12] = 8, [0x13] = 8, [0x15] = 8,
}
local most = {
	[0x01] = 1024, [0x02] = 262144, [0x04] = 32 + PACKET_MAX,
	[0x0a] = 64 + PACKET_MAX, [0x12] = 1000,
}

-- ---- words ----------------------------------------------------------------

local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" ..
	"0123456789+/"

-- A key as Tailscale's logs have it: the first five digits of its base64.
local function short_key(raw)
	local a, b, c, d = raw:byte(1, 4)
	local n = ((a * 256 + b) * 256 + c) * 256 + d -- 32 bits, 30 are shown
	local text = ""

	n = math.floor(n / 4)
	for _ = 1, 5 do
		local at = n % 64 + 1

		text = digits:sub(at, at) .. text
		n = math.floor(n / 64)
	end
	return "[" .. text .. "]"
end

-- The lengths of what the Go client and server seal.
local client_infos = {
	[32] = "version 2, CanAckPings true",
	[33] = "version 2, CanAckPings false",
	[48] = "version 2, CanAckPings true, IsProber true",
	[109] = "version 2, CanAckPings true, a mesh key",
}
local server_infos = { [13] = "version 2" }

-- ---- one frame ------------------------------------------------------------

-- Fields of a payload from left to right; every add() has been allowed for by
-- the table of least lengths or is asked for with left().
local function cursor(tree, tvb)
	local c = { tree = tree, tvb = tvb, at = 0 }

	function c.left()
		return c.tvb:len() - c.at
	end
	function c.peek(n)
		return c.tvb:raw(c.at, n)
	end
	function c.add(field, n)
		local item = c.tree:add(field, c.tvb(c.at, n))

		c.at = c.at + n
		return item
	end
	function c.key(field)
		local text = short_key(c.peek(4))

		c.add(field, 32):append_text(" " .. text)
		return text
	end
	return c
end

local function add_box(c, guesses)
	local n = c.left()
	local guess = guesses[n - 16]

	if n > 0 then
		c.add(f.box, n)
	end
	if guess then
		c.tree:add(f.guess, guess):set_generated()
	end
end

-- What a relayed packet is, from its first bytes and its length.
local function add_kind(tree, data)
	local len = data:len()
	local head = data:raw(0, math.min(len, 6))
	local kind = "unknown"

	local function index(field, at)
		tree:add_le(field, data(at, 4))
	end
	if len >= DISCO_MIN and head == DISCO then
		kind = "disco"
		tree:add(f.disco_key, data(6, 32)):append_text(" " ..
			short_key(data:raw(6, 4)))
	elseif len == 148 and head:sub(1, 4) == "\1\0\0\0" then
		kind = "wireguard-init"
		index(f.wg_sender, 4)
	elseif len == 92 and head:sub(1, 4) == "\2\0\0\0" then
		kind = "wireguard-response"
		index(f.wg_sender, 4)
		index(f.wg_receiver, 8)
	elseif len == 64 and head:sub(1, 4) == "\3\0\0\0" then
		kind = "wireguard-cookie"
		index(f.wg_receiver, 4)
	elseif len >= 32 and head:sub(1, 4) == "\4\0\0\0" then
		kind = "wireguard-data"
		index(f.wg_receiver, 4)
		tree:add_le(f.wg_counter, data(8, 8))
	end
	tree:add(f.kind, kind):set_generated()
	return kind
end

local function add_packet(c, pinfo, root)
	local n = c.left()
	local kind = "unknown"

	if n == 0 then
		c.tree:add(f.kind, kind):set_generated()
		return " 0 " .. kind
	end
	local data = c.tvb(c.at, n):tvb()
	local item = c.add(f.payload, n)

	kind = add_kind(item, data)
	if derp.prefs.wireguard and kind:sub(1, 9) == "wireguard" then
		Dissector.get("wg"):call(data, pinfo, root)
		pinfo.cols.protocol = "DERP"
	end
	return " " .. n .. " " .. kind
end

local function add_ping(c)
	c.add(f.ping, 8)
	return ""
end

-- Each takes the fields of one type and returns the rest of its summary.
local bodies = {
	[0x01] = function(c)
		if c.peek(8) ~= MAGIC then
			c.add(f.magic, 8):add_proto_expert_info(e.bad_magic)
		else
			c.add(f.magic, 8)
		end
		return " " .. c.key(f.server_key)
	end,
	[0x02] = function(c)
		local key = c.key(f.client_key)

		c.add(f.nonce, 24)
		add_box(c, client_infos)
		return " " .. key
	end,
	[0x03] = function(c)
		c.add(f.nonce, 24)
		add_box(c, server_infos)
		return ""
	end,
	[0x04] = function(c, pinfo, root)
		return " > " .. c.key(f.dst) .. add_packet(c, pinfo, root)
	end,
	[0x05] = function(c, pinfo, root)
		return " < " .. c.key(f.src) .. add_packet(c, pinfo, root)
	end,
	[0x06] = function()
		return ""
	end,
	[0x07] = function(c)
		local home = c.peek(1):byte()

		c.add(f.preferred, 1)
		return home == 0 and " no" or " home"
	end,
	[0x08] = function(c)
		local text = " " .. c.key(f.peer)

		if c.left() == 0 then
			return text
		end
		local reason = c.peek(1):byte()

		c.add(f.reason, 1)
		return text .. " " .. (reasons[reason] or reason)
	end,
	-- A field is there only if all before it are.
	[0x09] = function(c)
		local text = " " .. c.key(f.peer)

		if c.left() < 18 then
			return text
		end
		if c.peek(12) == ("\0"):rep(10) .. "\255\255" then
			c.at = c.at + 12
			c.add(f.ip, 4)
		else
			c.add(f.ipv6, 16)
		end
		c.add(f.port, 2)
		if c.left() == 0 then
			return text
		end
		local byte = c.tvb(c.at, 1)
		local flags = c.add(f.flags, 1)

		flags:add(f.regular, byte)
		flags:add(f.mesh, byte)
		flags:add(f.prober, byte)
		flags:add(f.not_ideal, byte)
		if c.left() == 0 then
			return text
		end
		local n = c.peek(1):byte()

		if c.left() < 1 + n then
			return text -- a name that is cut is no name
		end
		c.at = c.at + 1
		if n == 0 then
			c.tree:add(f.app, c.tvb(c.at - 1, 1), "")
			return text
		end
		c.add(f.app, n)
		return text
	end,
	[0x0a] = function(c, pinfo, root)
		local src = c.key(f.src)
		local dst = c.key(f.dst)

		return " " .. src .. " > " .. dst .. add_packet(c, pinfo, root)
	end,
	[0x10] = function()
		return ""
	end,
	[0x11] = function(c)
		return " " .. c.key(f.peer)
	end,
	[0x12] = add_ping,
	[0x13] = add_ping,
	[0x14] = function(c)
		local n = c.left()

		if n == 0 then
			c.tree:add(f.health, ""):append_text("[none]")
			return " none"
		end
		c.add(f.health, n)
		return " problem"
	end,
	[0x15] = function(c)
		c.add(f.reconnect_in, 4)
		c.add(f.try_for, 4)
		return ""
	end,
}

-- The frame at the given offset, of which have payload bytes are here; whole
-- is false where the rest is not in the capture.  Returns its summary.
local function add_frame(tvb, at, have, pinfo, root)
	local kind = tvb(at, 1):uint()
	local len = tvb(at + 1, 4):uint()
	local name = names[kind] or string.format("0x%02x", kind)
	local tree = root:add(derp, tvb(at, HEAD + have))
	local text = ""

	tree:add(f.type, tvb(at, 1))
	local length = tree:add(f.len, tvb(at + 1, 4))
	if len > (most[kind] or FRAME_MAX) then
		length:add_proto_expert_info(e.too_big)
	end
	if not names[kind] then
		tree:add_proto_expert_info(e.unknown_type)
	elseif len < (least[kind] or 0) then
		length:add_proto_expert_info(e.short)
	end
	if have < len then
		text = string.format(" (%d of %d bytes are here)", have, len)
	elseif not names[kind] or len < (least[kind] or 0) then
		if len > 0 then
			tree:add(f.unknown, tvb(at + HEAD, len))
		end
	else
		local body = have > 0 and tvb(at + HEAD, have):tvb() or
			ByteArray.new():tvb("empty")
		local c = cursor(tree, body)

		text = bodies[kind](c, pinfo, root)
		if c.left() > 0 then
			c.add(f.tail, c.left())
		end
	end
	tree:set_text("DERP, " .. name .. text)
	return name .. text
end

-- ---- connections ----------------------------------------------------------

-- By addresses and ports: tcp.stream has no value while there is no tree.
local conns = {}

function derp.init()
	conns = {}
end

local function endpoints(pinfo)
	return tostring(pinfo.src) .. " " .. pinfo.src_port,
		tostring(pinfo.dst) .. " " .. pinfo.dst_port
end

--   spans   DERP over TLS on these ports, from and to which packet
--   [side]  what one side's stream of frames is in the middle of
local function connection(pinfo)
	local a, b = endpoints(pinfo)
	local name = a < b and a .. " " .. b or b .. " " .. a
	local conn = conns[name]

	if not conn then
		conn = { spans = {}, side = {} }
		conns[name] = conn
	end
	return conn
end

--   skip, rest      what the next call begins with: bytes to pass over, or
--                   the beginning of its first frame
--   number, call    packet of the last call, calls in that packet so far
--   calls[number]   for packets with a call that did not begin at a frame:
--                   what each began with; n calls, at the last one seen
local function stream_side(pinfo)
	local conn = connection(pinfo)
	local name = endpoints(pinfo)
	local side = conn.side[name]

	if not side then
		side = { skip = 0, call = 0, calls = {} }
		conn.side[name] = side
	end
	return side
end

-- What this call begins with.  A packet's calls come in the same order on
-- every visit, so the later visits go round the list of the first.
local function begin_call(side, pinfo)
	local calls = side.calls[pinfo.number]

	if pinfo.visited then
		if not calls then
			return nil
		end
		calls.at = calls.at % calls.n + 1
		return calls[calls.at]
	end
	if side.number ~= pinfo.number then
		side.number = pinfo.number
		side.call = 0
	end
	side.call = side.call + 1
	local from = nil

	if side.skip > 0 or side.rest then
		from = { skip = side.skip, rest = side.rest }
		side.skip = 0
		side.rest = nil
		if not calls then
			calls = { at = 0 }
			side.calls[pinfo.number] = calls
		end
	end
	if calls then
		calls.n = side.call
		calls[side.call] = from
	end
	return from
end

-- ---- a stream of frames ---------------------------------------------------

-- The end of tvb from at on is the beginning of a frame, need bytes are
-- missing (nil: unknown).  Returns whether the rest will come.
local function wait_for(tvb, at, need, pinfo, side, joins)
	if joins then
		if not pinfo.visited then
			side.rest = tvb:raw(at)
		end
		return true
	end
	if pinfo.can_desegment == 0 then
		return false
	end
	pinfo.desegment_offset = at
	pinfo.desegment_len = need or DESEGMENT_ONE_MORE_SEGMENT
	return true
end

local function show(pinfo, shown, count)
	pinfo.cols.protocol = "DERP"
	if count > SHOWN_MAX then
		shown[SHOWN_MAX + 1] = "and " .. count - SHOWN_MAX .. " more"
	end
	if count > 0 then
		-- Behind the fence, the next call of this packet adds to it.
		pinfo.cols.info:set(table.concat(shown, ", ") .. " ")
		pinfo.cols.info:fence()
	end
end

-- The frames from at on.
local function frames(tvb, at, pinfo, root, joins)
	local side = stream_side(pinfo)
	local from = begin_call(side, pinfo)
	local shown, count = {}, 0

	if from and from.rest then
		tvb = ByteArray.new(from.rest .. tvb:raw(), true):tvb("DERP")
	end
	-- Bytes that were on the wire, and those of them in the capture.
	local wire, here = tvb:reported_len(), tvb:len()

	if from then
		at = at + from.skip
	end
	while at < wire do
		local have, len = here - at - HEAD, nil

		if have < 0 then
			if here == wire then
				wait_for(tvb, at, nil, pinfo, side, joins)
			end
			break
		end
		len = tvb(at + 1, 4):uint()
		if len <= FRAME_MAX and at + HEAD + len > wire and
		   here == wire and
		   wait_for(tvb, at, len - have, pinfo, side, joins) then
			break
		end
		count = count + 1
		local text = add_frame(tvb, at, math.min(have, len), pinfo,
			root)

		if count <= SHOWN_MAX then
			shown[count] = text
		end
		at = at + HEAD + len
	end
	if at > wire and not pinfo.visited then
		side.skip = at - wire
	end
	show(pinfo, shown, count)
end

-- ---- HTTP -----------------------------------------------------------------

-- A method, or an answer.  Such a frame would have a length of a gigabyte.
local function is_http(head)
	return head:find("^%u+ [/*]") or head:find("^HTTP/1%.")
end

-- The value of the first header of that name.
local function header(head, name)
	for field, value in head:gmatch("\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
		if field:lower() == name then
			return (value:gsub("[ \t]+$", ""))
		end
	end
	return nil
end

-- Does a head speak of DERP?  Says how: "request", "fast" for a request that
-- gets no answer from HTTP, "answer".
local function derp_head(head)
	local last = select(2, head:find("\r\n\r\n", 1, true))
	local fields = head:sub(1, last)

	if (header(fields, "upgrade") or ""):lower() ~= "derp" then
		return nil
	end
	if head:find("^HTTP/1%.%d 101") then
		return "answer"
	end
	if not head:find("^%u+ [/*]") then
		return nil
	end
	return header(fields, "derp-fast-start") == "1" and "fast" or "request"
end

local function beginning(tvb)
	return tvb:raw(0, math.min(tvb:len(), HTTP_HEAD_MAX))
end

local function add_head(tvb, kind, pinfo, root)
	Dissector.get("http"):call(tvb, pinfo, root)
	if kind ~= "fast" then
		return
	end
	root:add(derp, tvb(), "DERP, Fast-Start"):add(f.faststart, tvb(), true)
	pinfo.cols.protocol = "DERP"
	pinfo.cols.info:append(" (Fast-Start) ")
	pinfo.cols.info:fence()
end

-- What a connection that is DERP's carries.  After Decode As, or when an
-- earlier packet is visited again, that may be any HTTP.
local function stream(tvb, pinfo, root)
	local head = beginning(tvb)

	if not is_http(head) then
		frames(tvb, 0, pinfo, root, false)
		return
	end
	local kind = derp_head(head)
	local last = select(2, head:find("\r\n\r\n", 1, true))

	if not last and #head < HTTP_HEAD_MAX then
		wait_for(tvb, 0, nil, pinfo, nil, false)
	elseif not last or not kind then
		Dissector.get("http"):call(tvb, pinfo, root)
	else
		add_head(tvb(0, last):tvb(), kind, pinfo, root)
		if tvb:len() > last then
			frames(tvb, last, pinfo, root, false)
		end
	end
end

-- ---- recognition ----------------------------------------------------------

local function covered(conn, number)
	for _, span in ipairs(conn.spans) do
		if number >= span.from and number <= span.to then
			return true
		end
	end
	return false
end

local function cover(conn, number)
	if not covered(conn, number) then
		conn.spans[#conn.spans + 1] = { from = number, to = math.huge }
	end
end

-- The request may be missing or be recorded after its answer, so the first
-- frame of a server counts as well.
local function begins_derp(kind, head)
	return kind == "fast" or kind == "answer" or
		head:find("^\1\0\0[\0-\4].DERP\240\159\148\145")
end

local function over_tcp(tvb, pinfo, root)
	local head = beginning(tvb)

	if not begins_derp(derp_head(head), head) then
		return false
	end
	pinfo.conversation = derp
	stream(tvb, pinfo, root)
	return true
end

-- The conversation of TLS belongs to TLS: this is asked about every record.
-- A request without Fast-Start is taken as well: Wireshark's HTTP would lose
-- the records that come in one packet with the answer.
local function over_tls(tvb, pinfo, root)
	local conn = connection(pinfo)
	local head = beginning(tvb)
	local kind = derp_head(head)

	if kind or begins_derp(kind, head) then
		cover(conn, pinfo.number)
	elseif is_http(head) and not pinfo.visited then
		-- Refused, or the ports are used anew for something else.
		for _, span in ipairs(conn.spans) do
			span.to = math.min(span.to, pinfo.number - 1)
		end
	end
	if not covered(conn, pinfo.number) then
		return false
	end
	stream(tvb, pinfo, root)
	return true
end

-- ---- registration ---------------------------------------------------------

function derp.dissector(tvb, pinfo, root)
	stream(tvb, pinfo, root)
	return tvb:len()
end

function derp_ws.dissector(tvb, pinfo, root)
	frames(tvb, 0, pinfo, root, true)
	return tvb:len()
end

-- Wireshark looks the name of the upgrade up in lower case.
DissectorTable.get("http.upgrade"):add("derp", derp)
DissectorTable.get("ws.protocol"):add("derp", derp_ws)
DissectorTable.get("tcp.port"):add_for_decode_as(derp)
DissectorTable.get("tls.port"):add_for_decode_as(derp)
derp:register_heuristic("tcp", over_tcp)
derp:register_heuristic("tls", over_tls)
