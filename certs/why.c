/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/why.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
why_set(char *why, size_t cap, const char *fmt, ...)
{
	va_list ap;

	if (cap == 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(why, cap, fmt, ap);
	va_end(ap);
	return -1;
}

/* The first error in the queue is the cause; what follows are its callers. */
void
why_reason(char *buf, size_t cap)
{
	unsigned long e = ERR_get_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;
	const char *lib = e ? ERR_lib_error_string(e) : NULL;

	if (ERR_SYSTEM_ERROR(e)) {
		lib = NULL;
		reason = strerrordesc_np(ERR_GET_REASON(e));
	}
	snprintf(buf, cap, "%s%s%s", lib ? lib : "", lib ? ": " : "",
		 reason ? reason : "no reason given");
	ERR_clear_error();
}

int
why_ssl(char *why, size_t cap, const char *fmt, ...)
{
	char reason[160];
	va_list ap;
	size_t n;

	why_reason(reason, sizeof(reason));
	if (cap == 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(why, cap, fmt, ap);
	va_end(ap);
	n = strlen(why);
	snprintf(why + n, cap - n, " (%s)", reason);
	return -1;
}
