/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/asset.h"

#include "proxy/base/digest.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"

/* The assembler reads the files, relative to the top of the checkout; the Makefile names
 * them as what this object depends on. */
#define ASSET_EMBED(symbol, file)                                            \
	__asm__(".pushsection .rodata." #symbol ",\"a\",@progbits\n"         \
		".balign 8\n" #symbol "_size: .quad 1f - " #symbol "\n"      \
		".type " #symbol ", @object\n" #symbol ":\n"                 \
		".incbin \"proxy/web/assets/" file "\"\n"                    \
		"1: .byte 0\n"                                               \
		".popsection\n");                                            \
	extern const uint8_t symbol[] __attribute__((visibility("hidden"))); \
	extern const uint64_t symbol##_size __attribute__((visibility("hidden")))

ASSET_EMBED(asset_warifu_css, "warifu.css");
ASSET_EMBED(asset_warifu_svg, "warifu.svg");

struct span
asset_bytes(enum asset_name name)
{
	if (name == ASSET_CSS)
		return span_of(asset_warifu_css, (size_t)asset_warifu_css_size);
	MUST(name == ASSET_SVG);
	return span_of(asset_warifu_svg, (size_t)asset_warifu_svg_size);
}

const char *
asset_path(enum asset_name name)
{
	return name == ASSET_CSS ? ASSET_PREFIX "warifu.css" : ASSET_PREFIX "warifu.svg";
}

void
asset_init(struct asset_set *set)
{
	for (unsigned i = 0; i < ASSET_COUNT; i++) {
		uint8_t hash[DIGEST_LEN];

		digest_sha256(asset_bytes((enum asset_name)i), hash);
		text_hex(span_of(hash, 8), set->tag[i]);
	}
}

void
asset_reply(const struct asset_set *set, enum asset_name name,
	    const struct httpd_request *rq, struct httpd_reply *rp)
{
	struct span v;
	bool current =
	    httpd_query(rq, "v", 16, &v) == 0 && span_eq(v, span_str(set->tag[name]));

	rp->type = name == ASSET_CSS ? "text/css; charset=utf-8" : "image/svg+xml";
	rp->cache = current ? "public, max-age=31536000, immutable" : "no-cache";
	rp->csp = "default-src 'none'; base-uri 'none'; form-action 'none'; "
		  "frame-ancestors 'none'";
	rp->fixed = asset_bytes(name);
}
