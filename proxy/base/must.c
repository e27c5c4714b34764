/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/must.h"

#include <stdio.h>
#include <stdlib.h>

void
must_fail(const char *what, const char *file, int line, const char *func)
{
	fprintf(stderr, "warifu: bug: MUST(%s) broken at %s:%d in %s\n", what, file, line,
	    func);
	abort();
}
