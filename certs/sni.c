/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/sni.h"

enum { NAME_HOST = 0 };

bool
sni_parse(const uint8_t *p, size_t n, const uint8_t **name, size_t *name_n)
{
	size_t list, len;

	if (n < 5)
		return false;
	list = (size_t)p[0] << 8 | p[1];
	len = (size_t)p[3] << 8 | p[4];
	if (list != n - 2 || p[2] != NAME_HOST || len != n - 5 || len == 0)
		return false;
	*name = p + 5;
	*name_n = len;
	return true;
}
