/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/rules.h"

#include <stdlib.h>

#include "policy/cases.h"
#include "proxy/base/digest.h"

/* The starter policy is part of the program, with the cases that say what it means: a site
 * without a policy of its own is not without rules. */
__asm__(".pushsection .rodata.rules_starter,\"a\",@progbits\n"
	"rules_starter_text:\n"
	".incbin \"policy/rules/wallet-console.policy\"\n"
	"rules_starter_end:\n"
	".byte 0\n"
	"rules_cases_text:\n"
	".incbin \"policy/rules/wallet-console.case\"\n"
	"rules_cases_end:\n"
	".byte 0\n"
	".popsection\n");
extern const uint8_t rules_starter_text[] __attribute__((visibility("hidden")));
extern const uint8_t rules_starter_end[] __attribute__((visibility("hidden")));
extern const uint8_t rules_cases_text[] __attribute__((visibility("hidden")));
extern const uint8_t rules_cases_end[] __attribute__((visibility("hidden")));

struct span
rules_starter(void)
{
	return span_of(rules_starter_text,
	    (size_t)((uintptr_t)rules_starter_end - (uintptr_t)rules_starter_text));
}

static bool
rules_read(const struct snapshot_site *site, const struct snapshot_reader *r,
    const char *path, struct span *text, const struct diag_source *settings,
    struct diags *diags)
{
	char why[CERTS_WHY];

	if (r->read(r->arg, path, false, text, why, sizeof(why)) == 0)
		return true;
	diag_error(diags, settings, site->conf->policy_at, NULL, "policy: %s", why);
	return false;
}

static int
rules_hash(struct snapshot_site *site)
{
	size_t n = policy_canonical(site->policy, NULL, 0) + 1;
	char *canon = malloc(n);

	if (canon == NULL)
		return WF_ENOMEM;
	(void)policy_canonical(site->policy, canon, n);
	digest_sha256(span_of(canon, n - 1), site->policy_hash);
	free(canon);
	return 0;
}

static bool
rules_cases(const struct snapshot_site *site, const struct snapshot_reader *r,
    const struct diag_source *settings, struct diags *diags)
{
	const char *name = site->conf->cases;
	struct cases_count count;
	struct span text;

	if (site->conf->policy == NULL) {
		name = "wallet-console.case";
		text = span_of(rules_cases_text,
		    (size_t)((uintptr_t)rules_cases_end - (uintptr_t)rules_cases_text));
	} else if (name == NULL) {
		return true;
	} else if (!rules_read(site, r, name, &text, settings, diags)) {
		return false;
	}
	return cases_run(site->policy, (const char *)text.p, text.n, name, diags, NULL, NULL,
	    &count);
}

int
rules_load(struct snapshot_site *site, const struct snapshot_reader *r, bool cases,
    const struct diag_source *settings, struct diags *diags)
{
	const char *name = site->conf->policy;
	struct span text = rules_starter();
	int err;

	if (name != NULL && !rules_read(site, r, name, &text, settings, diags))
		return WF_ECONFIG;
	site->policy = policy_load_text((const char *)text.p, text.n,
	    name == NULL ? "wallet-console.policy" : name, diags);
	if (site->policy == NULL)
		return WF_ECONFIG;
	err = rules_hash(site);
	if (err != 0) {
		diag_error(diags, settings, site->conf->policy_at, NULL, "policy: %s",
		    err_text(err));
		return WF_ECONFIG;
	}
	return !cases || rules_cases(site, r, settings, diags) ? 0 : WF_ECONFIG;
}
