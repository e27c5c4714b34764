/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/must.h - assertions that stay on.
 *
 * MUST(x) states what only a bug of ours can break: never use it on outside input.
 * A violated MUST ends the process; the supervisor starts a new one and records it.
 */
#ifndef WARIFU_BASE_MUST_H
#define WARIFU_BASE_MUST_H

#define MUST(x)                                                                          \
	do {                                                                             \
		if (__builtin_expect(!(x), 0))                                           \
			must_fail(#x, __FILE__, __LINE__, __func__);                     \
	} while (0)

_Noreturn void
must_fail(const char *what, const char *file, int line, const char *func);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
