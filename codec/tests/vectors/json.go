package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"tailscale.com/derp"
)

const secret64 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func mesh(s string) string { return `{"meshKey":"` + s + `"}` }

func jsonInputs() []string {
	zero := strings.Repeat("0", 64)
	in := []string{
		// Is it JSON at all?
		``, ` `, `null`, ` null `, `nul`, `nulll`, `NULL`, `true`, `false`, `tru`, `0`, `-`, `-1`, `1.5e+3`, `""`, `"x`, `[]`, `[`, `]`, `[1,]`, `[,]`, `[1 2]`, `[1,2]`,
		`{}`, `{`, `}`, `{}{}`, `{} {}`, `{}x`, `{},`, "{}\x00", `{} `, "\t\r\n {}\n", "\v{}", "\f{}", "\u00a0{}",
		`{,}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{'a':1}`, `{"a" : 1 }`, `{"a":1 "b":2}`, `{"a":1,"b":2}`, `{1:2}`, `{"a":{"b":[1,{"c":[]}]}}`, `{"a":[}`, `{"a":[1}}`, `[{]}`,
		"\xef\xbb\xbf{}", `{"a":01}`, `{"a":-01}`, `{"a":00}`, `{"a":+1}`, `{"a":.5}`, `{"a":1.}`, `{"a":1.e3}`, `{"a":1e}`, `{"a":1e+}`, `{"a":1E-2}`, `{"a":0e0}`, `{"a":0x1}`, `{"a":1_000}`,
		`{"a":NaN}`, `{"a":Infinity}`, `{"a":-Infinity}`, `{"a":- 1}`, `{"a":1e400}`, `{"a":123456789012345678901234567890}`, `{"a":trueX}`, `{"a":True}`,
		`{"a":"\x41"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"\u"}`, `{"a":"\`, `{"a":"\"}`, `{"a":"\'"}`, `{"a":"\/"}`, `{"a":"\0"}`, "{\"a\":\"\x1f\"}", "{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "{\"a\":\"\x00\"}", "{\"a\":\"\x7f\"}",
		"{\"a\":\"\xff\xfe\"}", "{\"\xff\":1}", `/* */{}`, `// x` + "\n{}", `{}//`, `{"a":1;}`,
		// version
		`{"version":2}`, `{"version":0}`, `{"version":-1}`, `{"version":-0}`, `{"version":2.0}`, `{"version":2e0}`, `{"version":2E0}`, `{"version":1e2}`, `{"version":-0.0}`, `{"version":"2"}`, `{"version":null}`, `{"version":true}`, `{"version":[]}`, `{"version":{}}`, `{"version":[2]}`,
		`{"version":9223372036854775807}`, `{"version":9223372036854775808}`, `{"version":-9223372036854775808}`, `{"version":-9223372036854775809}`, `{"version":92233720368547758070}`, `{"version":18446744073709551616}`, `{"version":100000000000000000000}`,
		`{"version":"x","version":2}`, `{"version":2,"version":"x"}`, `{"version":1,"version":2}`, `{"version":2,"version":null}`, `{"version":1.5,"version":2}`, `{"version":1,"Version":7}`,
		`{"Version":3}`, `{"VERSION":4}`, `{"ver\u0073ion":5}`, "{\"ver\u017fion\":6}", `{"ver\u017Fion":7}`, `{"ver_sion":8}`, `{"version ":9}`, `{"":1}`, `{"versio":1}`, `{"versions":1}`, `{"vers\u00edon":1}`, "{\"ver\u1e9eion\":1}",
		// names with other letters that fold
		"{\"TokenBuc\u212aetBytesPerSecond\":11}", "{\"to\u212aenbucketbyte\u017fburst\":12}", "{\"AppName\":\"k\",\"CanAc\u212aPings\":true}", "{\"I\u017fProber\":true}", "{\"\u0130sProber\":true}", "{\"\u0131sProber\":true}",
		// flags
		`{"CanAckPings":true}`, `{"canackpings":true}`, `{"CanAckPings":false}`, `{"CanAckPings":null}`, `{"CanAckPings":1}`, `{"CanAckPings":"true"}`, `{"CanAckPings":[]}`, `{"CanAckPings":true,"CanAckPings":null}`, `{"CanAckPings":true,"canackpings":false}`,
		`{"IsProber":true}`, `{"IsProber":null}`, `{"IsProber":0}`, `{"isprober":true,"IsProber":{}}`,
		// mesh key
		mesh(secret64), mesh(strings.ToUpper(secret64)), mesh(zero), mesh(secret64[:62]), mesh(secret64[:63]), mesh(secret64 + "0"), mesh(secret64 + "00"), mesh(""), mesh(" " + secret64), mesh(secret64 + " "), mesh(" " + secret64[1:]), mesh(secret64[:63] + "g"), mesh(secret64[:60] + `\u0061\u0046`), mesh(strings.Repeat(`\u0061`, 64)), mesh(strings.Repeat(`\u0061`, 65)), mesh(secret64[:62] + "\u00e9"), mesh(secret64[:61] + "\xff"),
		`{"meshKey":null}`, `{"meshKey":1}`, `{"meshKey":[]}`, `{"meshKey":{}}`, `{"meshKey":true}`, `{"MESHKEY":"` + secret64 + `"}`, "{\"me\u017fh\u212aey\":\"" + secret64 + "\"}",
		`{"meshKey":"` + secret64 + `","meshKey":"` + zero + `"}`, `{"meshKey":"` + zero + `","meshkey":"` + secret64 + `"}`, `{"meshKey":"x","meshKey":"` + secret64 + `"}`, `{"meshKey":"` + secret64 + `","meshKey":null}`, `{"meshKey":"nodekey:` + secret64 + `"}`,
		// names
		`{"AppName":""}`, `{"AppName":"app"}`, `{"appname":"app"}`, `{"App_Name":"app"}`, `{"AppName":null}`, `{"AppName":"a","AppName":null}`, `{"AppName":"bad\u0001","AppName":null}`, `{"AppName":"a","AppName":"b"}`, `{"AppName":1}`, `{"AppName":["a"]}`, `{"AppName":{}}`, `{"AppName":false}`,
		`{"AppName":1,"AppName":"a"}`, `{"AppName":"` + strings.Repeat("a", 32) + `"}`, `{"AppName":"` + strings.Repeat("a", 33) + `"}`, `{"AppName":"` + strings.Repeat(`\u0061`, 32) + `"}`, `{"AppName":"` + strings.Repeat("a", 300) + `"}`,
		`{"AppName":"` + strings.Repeat("a", 33) + `","AppName":"b"}`, `{"AppName":" ~"}`, `{"AppName":"\u001f"}`, "{\"AppName\":\"\x7f\"}", `{"AppName":"\u0000"}`, `{"AppName":"\"\\\/\b\f\n\r\t"}`,
		"{\"AppName\":\"\u00e9\"}", "{\"AppName\":\"\xff\"}", "{\"AppName\":\"a\xe2\x82b\"}", "{\"AppName\":\"\xe2\x82\xac\"}", "{\"AppName\":\"\xed\xa0\x80\"}", "{\"AppName\":\"\xc0\x80\"}", "{\"AppName\":\"\xc1\xbf\xc2\x80\"}", "{\"AppName\":\"\xe0\x9f\xbf\xe0\xa0\x80\"}", "{\"AppName\":\"\xf0\x8f\xbf\xbf\xf0\x90\x80\x80\"}", "{\"AppName\":\"\xf4\x8f\xbf\xbf\xf4\x90\x80\x80\"}", "{\"AppName\":\"\xf8\x88\x80\x80\x80\"}", "{\"AppName\":\"\xed\x9f\xbf\xee\x80\x80\"}", "{\"AppName\":\"\x80\xbf\"}", "{\"AppName\":\"\xf0\x9f\x98\"}", "{\"AppName\":\"\xf0\x9f\x98\x80\"}",
		`{"AppName":"\ud83d\ude00"}`, `{"AppName":"\uD83D\uDE00"}`, `{"AppName":"\ud83d"}`, `{"AppName":"\ude00"}`, `{"AppName":"\ude00\ud83d"}`, `{"AppName":"\ud83dx"}`, `{"AppName":"\ud83d\u0041"}`, `{"AppName":"\ud83d\ud83d\ude00"}`, `{"AppName":"\ud83d\\ude00"}`, `{"AppName":"\ud800\udc00\udbff\udfff"}`, `{"AppName":"\ufffd\uffff\u2028\u00e9\u007f\u0080\u07ff\u0800"}`, `{"AppName":"\ud83d\"}`, `{"AppName":"\ud83d\u"}`,
		`{"AppName":"<a>&b"}`,
		// the server's
		`{"version":2,"TokenBucketBytesPerSecond":100,"TokenBucketBytesBurst":200}`, `{"tokenbucketbytespersecond":-1}`, `{"TokenBucketBytesBurst":1.0}`, `{"TokenBucketBytesBurst":null}`, `{"TokenBucketBytesPerSecond":"1"}`, `{"TokenBucketBytesPerSecond":9223372036854775808}`,
		// all at once
		`{"meshKey":"` + secret64 + `","version":2,"CanAckPings":true,"IsProber":true,"AppName":"app"}`,
		` { "AppName" : "app" , "version" : 2 , "x" : [ 1 , { "version" : "no" } ] , "CanAckPings" : true } `,
		`[{"version":2}]`, `"{}"`, `{"x":{"version":"x"},"version":3}`,
	}
	return in
}

// texts: the text is pre, mid num times, end num times, post.
func texts() []string {
	type text struct {
		pre, mid, end, post string
		num                 int
	}
	var in []text
	for _, s := range jsonInputs() {
		in = append(in, text{pre: s})
	}
	for _, n := range []int{9999, 10000, 10001} {
		in = append(in, text{"", "[", "]", "", n},
			text{`{"x":`, "[", "]", "}", n},
			text{"", `{"x":`, "", "", n})
	}
	in = append(in,
		text{`{"x":`, "[", "]", `,"version":2}`, 4},
		text{`{"x":"`, "long ", "", `","version":2}`, 20000},
		text{"", " ", "", `{"version":2}`, 20000},
	)
	var out []string
	add := func(t text, s string) {
		var c derp.ClientInfo
		var i derp.ServerInfo
		cErr := json.Unmarshal([]byte(s), &c)
		iErr := json.Unmarshal([]byte(s), &i)
		m := ""
		if cErr != nil {
			c = derp.ClientInfo{}
		}
		if iErr != nil {
			i = derp.ServerInfo{}
		}
		if !c.MeshKey.IsZero() {
			m = c.MeshKey.String()
		}
		out = append(out, fmt.Sprintf("%s, %s, %s, %s, %d, %d, %d, %t, %t, %s, %t, %t, %q, %q, %t, %s, %s, %s",
			cText(t.pre), cText(t.mid), cText(t.end), cText(t.post), len(t.pre), t.num, len(t.post),
			json.Valid([]byte(s)), cErr == nil, cInt(c.Version), c.CanAckPings, c.IsProber, m,
			hex([]byte(c.AppName)), iErr == nil, cInt(i.Version),
			cInt(i.TokenBucketBytesPerSecond), cInt(i.TokenBucketBytesBurst)))
	}
	for _, t := range in {
		add(t, t.pre+strings.Repeat(t.mid, t.num)+strings.Repeat(t.end, t.num)+t.post)
	}
	return out
}

// cInt: the lowest number has no literal of its own in C.
func cInt(v int) string {
	if v == -1<<63 {
		return "-9223372036854775807LL - 1"
	}
	return fmt.Sprintf("%dLL", v)
}

func stringRows() []string {
	var all strings.Builder
	for c := 0; c < 0x7f; c++ {
		all.WriteByte(byte(c))
	}
	in := []string{"", "a", all.String(), "\u00e9\u20ac\U0001f600", "\u2027\u2028\u2029\u202a", "\ufffd\ufffe\uffff\U0010ffff",
		"\xff", "a\xffb", "\xe2\x82", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "ok\xf0\x9f\x98x", "\x80\x81", "</script>&amp;"}
	var out []string
	for _, s := range in {
		b, err := json.Marshal(s)
		check(err)
		out = append(out, fmt.Sprintf("%q, %q", hex([]byte(s)), hex(b)))
	}
	return out
}
