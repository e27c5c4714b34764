/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/tap.h - just enough of the Test Anything Protocol for C.
 *
 * A test program is a list of `static void name(void)` run by TAP_RUN; a case fails when
 * any of its checks fails. Names say what they prove: refuses_two_hosts, not test1.
 */
#ifndef WARIFU_TESTS_TAP_H
#define WARIFU_TESTS_TAP_H

#include <stdio.h>
#include <string.h>

static int tap_bad;
static int tap_count;
static int tap_failed;

#define CHECK(x)                                                                         \
	do {                                                                             \
		if (!(x)) {                                                              \
			printf("# %s:%d: CHECK(%s)\n", __FILE__, __LINE__, #x);          \
			tap_bad = 1;                                                     \
		}                                                                        \
	} while (0)

#define CHECK_INT(a, b)                                                                  \
	do {                                                                             \
		long long tap_a = (long long)(a), tap_b = (long long)(b);                \
		if (tap_a != tap_b) {                                                    \
			printf("# %s:%d: %s is %lld, wanted %lld\n", __FILE__, __LINE__, \
			    #a, tap_a, tap_b);                                           \
			tap_bad = 1;                                                     \
		}                                                                        \
	} while (0)

#define CHECK_STR(a, b)                                                                  \
	do {                                                                             \
		const char *tap_a = (a), *tap_b = (b);                                   \
		if (strcmp(tap_a, tap_b) != 0) {                                         \
			printf("# %s:%d: %s is \"%s\", wanted \"%s\"\n", __FILE__,       \
			    __LINE__, #a, tap_a, tap_b);                                 \
			tap_bad = 1;                                                     \
		}                                                                        \
	} while (0)

#define TAP_RUN(name) tap_run(#name, name)

static inline void
tap_run(const char *name, void (*fn)(void))
{
	tap_bad = 0;
	fn();
	tap_count++;
	tap_failed += tap_bad;
	printf("%sok %d - %s\n", tap_bad ? "not " : "", tap_count, name);
	fflush(stdout);
}

static inline int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
