/*
 * html.c - what the pages of derpspec share.
 *
 * The hash of the script stands in the policy, so the two cannot differ: a
 * text of a server that got out of its element would still not run.
 */
#include "html.h"

#include <string.h>

#include <sodium.h>

#include "report.h"

static const char style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;"
	"--line:#d0d7de;--soft:#f6f8fa;--good:#116329;--bad:#b3131f;"
	"--warn:#7a4d00;--mark:#fff1d6;--link:#0a58b5}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#12161b;--fg:#e3e8ee;"
	"--dim:#9aa5b1;--line:#353d47;--soft:#1b2128;--good:#56c26c;"
	"--bad:#ff8178;--warn:#e5b350;--mark:#413313;--link:#79b2ff}}\n"
	"*{box-sizing:border-box}body{margin:0 auto;max-width:72rem;"
	"padding:1rem 1.25rem 4rem;background:var(--bg);color:var(--fg);"
	"font:16px/1.5 system-ui,sans-serif}"
	"h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.2rem;"
	"margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}"
	"a{color:var(--link)}code,pre,.m{font:.875em/1.45 ui-monospace,"
	"SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
	"pre{background:var(--soft);border:1px solid var(--line);"
	"border-radius:4px;padding:.5rem .75rem;overflow-x:auto;margin:.5rem 0}"
	"pre mark{background:var(--mark);color:inherit;font-weight:600}"
	"table{border-collapse:collapse;margin:.5rem 0}.wide{overflow-x:auto}"
	"th,td{border:1px solid var(--line);padding:.2rem .6rem;"
	"text-align:left;vertical-align:top}th{background:var(--soft)}"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
	"details{border:1px solid var(--line);border-radius:4px;"
	"margin:.35rem 0;padding:.25rem .75rem}"
	"details details{background:var(--soft)}"
	"details details pre{background:var(--bg)}"
	"summary{cursor:pointer;overflow-wrap:anywhere}"
	"#rules+details td:first-child{white-space:nowrap}"
	"dl{display:grid;grid-template-columns:max-content 1fr;"
	"gap:.15rem .9rem;margin:.4rem 0}dt{color:var(--dim)}"
	"dd{margin:0;overflow-wrap:anywhere}"
	".v{font-weight:700;display:inline-block;min-width:4.2rem}"
	".good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}"
	".dim{color:var(--dim)}.banner{font-weight:700;font-size:1.1rem}"
	"#filter{margin:.5rem 0;display:flex;gap:.75rem;flex-wrap:wrap}"
	"[hidden]{display:none!important}input,select{font:inherit;"
	"background:var(--bg);color:var(--fg);border:1px solid var(--line);"
	"border-radius:4px;padding:.15rem .4rem}\n"
	"@media print{details{break-inside:avoid}#filter{display:none}}\n";

/* Comfort only: filter the cases, open the one that a link leads to. */
static const char script[] =
	"(function(){'use strict';"
	"var f=document.getElementById('filter');"
	"function go(){var e=location.hash.length>1&&"
	"document.getElementById(decodeURIComponent(location.hash.slice(1)));"
	"while(e){if(e.tagName==='DETAILS'){e.open=true;}e=e.parentElement;}}"
	"function safe(){try{go();}catch(e){/* a hash that is no text */}}"
	"window.addEventListener('hashchange',safe);safe();"
	"if(!f){return;}"
	"var q=f.querySelector('input'),s=f.querySelector('select'),"
	"n=f.querySelector('output'),"
	"all=Array.prototype.slice.call("
	"document.querySelectorAll('details[data-state]'));"
	"function show(){var c=0,t=q.value.toLowerCase();"
	"all.forEach(function(d){var ok=(!s.value||"
	"d.getAttribute('data-state').split(' ').indexOf(s.value)>=0)&&"
	"d.textContent.toLowerCase().indexOf(t)>=0;d.hidden=!ok;"
	"if(ok){c+=1;}});n.textContent=c+' of '+all.length+' cases';}"
	"q.addEventListener('input',show);s.addEventListener('change',show);"
	"f.hidden=false;show();"
	"})();";

static void put(FILE *to, char c)
{
	switch (c) {
	case '&':
		fputs("&amp;", to);
		return;
	case '<':
		fputs("&lt;", to);
		return;
	case '>':
		fputs("&gt;", to);
		return;
	case '"':
		fputs("&quot;", to);
		return;
	case '\'':
		fputs("&#39;", to);
		return;
	}
	fputc(c, to);
}

void html_bytes(FILE *to, const char *text, size_t len)
{
	report_escape(to, text, len, put);
}

void html_text(FILE *to, const char *text)
{
	html_bytes(to, text, strlen(text));
}

void html_rule(FILE *to, const char *text)
{
	const char *tick, *end;

	while ((tick = strchr(text, '`')) != NULL &&
	       (end = strchr(tick + 1, '`')) != NULL) {
		html_bytes(to, text, (size_t)(tick - text));
		fputs("<code>", to);
		html_bytes(to, tick + 1, (size_t)(end - tick - 1));
		fputs("</code>", to);
		text = end + 1;
	}
	html_text(to, text);
}

/* Ids hold no blanks; per cent signs would be decoded by a link. */
static void put_id(FILE *to, char c)
{
	if (strchr(" %\"'<>&\\`", c) != NULL)
		fprintf(to, "_%02x", (unsigned char)c);
	else
		fputc(c, to);
}

void html_id(FILE *to, const char *prefix, const char *text)
{
	fputs(prefix, to);
	report_escape(to, text, strlen(text), put_id);
}

void html_begin(FILE *to, const char *title)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(sizeof(hash),
					    sodium_base64_VARIANT_ORIGINAL)];

	crypto_hash_sha256(hash, (const unsigned char *)script,
			   sizeof(script) - 1);
	sodium_bin2base64(text, sizeof(text), hash, sizeof(hash),
			  sodium_base64_VARIANT_ORIGINAL);
	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\""
	      "default-src 'none'; base-uri 'none'; form-action 'none'; "
	      "style-src 'unsafe-inline'; script-src 'sha256-",
	      to);
	fputs(text, to);
	fputs("'\">\n<meta name=\"viewport\" content=\"width=device-width, "
	      "initial-scale=1\">\n<title>",
	      to);
	html_text(to, title);
	fprintf(to, "</title>\n<style>%s</style>\n</head>\n<body>\n", style);
}

void html_end(FILE *to)
{
	fprintf(to, "<script>%s</script>\n</body>\n</html>\n", script);
}
