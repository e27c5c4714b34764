/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/err.h"

static const char *const err_texts[] = {
#define ERR(name, text) text,
#include "proxy/base/err.def"
#undef ERR
};

const char *
err_text(int err)
{
	if (err > 0 || err <= -(int)WF_N_COUNT)
		return "unknown error";
	return err_texts[-err];
}
