/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/lang.h"

#include "tests/unit/tap.h"

static void
japanese_where_it_is_preferred(void)
{
	static const char *const ja[] = {"ja",
					 "JA",
					 "ja-JP",
					 "ja-JP,ja;q=0.9",
					 "ja,en;q=0.9",
					 "ja,en",
					 "en;q=0.8,ja;q=0.9",
					 "fr,ja;q=0.1",
					 "de, ja ; q=0.5, en;q=0.4",
					 "en;q=0,ja;q=0.001",
					 "en;q=x,ja",
					 "ja-Hira-JP;q=1.000"};

	for (size_t i = 0; i < sizeof(ja) / sizeof(ja[0]); i++)
		CHECK(lang_prefers_ja(span_str(ja[i])));
}

static void
english_everywhere_else(void)
{
	static const char *const en[] = {"",
					 "en",
					 "en-US,en;q=0.9",
					 "en,ja",
					 "ja;q=0.8,en;q=0.9",
					 "*",
					 "fr",
					 "ja;q=0",
					 "ja;q=0.0",
					 "ja;q=2",
					 "ja;q=1.5",
					 "ja;q=",
					 "ja;q=0.1234",
					 "ja;r=1",
					 "jav",
					 "x-ja",
					 ",,;;,",
					 "jp",
					 "en;q=0.5, ja;q=0.5"};

	for (size_t i = 0; i < sizeof(en) / sizeof(en[0]); i++)
		if (lang_prefers_ja(span_str(en[i]))) {
			printf("# %s\n", en[i]);
			tap_bad = 1;
		}
}

int
main(void)
{
	TAP_RUN(japanese_where_it_is_preferred);
	TAP_RUN(english_everywhere_else);
	return tap_done();
}
