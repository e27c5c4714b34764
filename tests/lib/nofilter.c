/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/lib/nofilter.c - libseccomp that does nothing, to be loaded before the real one: a
 * program that watches another from inside (valgrind) makes system calls of its own, which
 * our filters would end.
 */
#include <stdint.h>

void *
seccomp_init(uint32_t action)
{
	static int filter;

	(void)action;
	return &filter;
}

int
seccomp_attr_set(void *f, int attr, uint32_t value)
{
	(void)f;
	(void)attr;
	(void)value;
	return 0;
}

int
seccomp_rule_add(void *f, uint32_t action, int syscall, unsigned n, ...)
{
	(void)f;
	(void)action;
	(void)syscall;
	(void)n;
	return 0;
}

int
seccomp_load(void *f)
{
	(void)f;
	return 0;
}

void
seccomp_release(void *f)
{
	(void)f;
}
