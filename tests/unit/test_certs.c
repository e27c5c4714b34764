/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/store.h"
#include "tests/unit/devca.h"
#include "tests/unit/tap.h"

static struct devca root, mid, leaf;
static char why[CERTS_WHY];

static int
open_pairs(struct certs **c, const char *const *hosts, size_t n_hosts,
	   const struct certs_pair *pairs, size_t n)
{
	struct certs_site site = {"app", hosts, n_hosts, pairs, n};
	struct certs_opt opt = {(int64_t)time(NULL), -1};

	why[0] = '\0';
	return certs_open(c, &site, 1, &opt, why, sizeof(why));
}

/* One site with one pair: does it open, and if not, what is said? */
static int
try_pair(struct certs_pair p, const char *host, const char *wanted)
{
	const char *hosts[] = {host};
	struct certs *c;
	int err = open_pairs(&c, hosts, 1, &p, 1);

	if (wanted && strstr(why, wanted) == NULL)
		printf("# said: %s\n", why);
	CHECK(wanted ? strstr(why, wanted) != NULL : why[0] == '\0');
	certs_close(c);
	devca_pair_free(&p);
	return err;
}

static void
opens_a_good_chain(void)
{
	CHECK_INT(try_pair(devca_pair(&leaf, &mid), "app.example", NULL), 0);
	CHECK_INT(try_pair(devca_pair(&leaf, &mid), "APP.example", NULL), 0);
	CHECK_INT(try_pair(devca_pair(&leaf, &mid), "192.0.2.7", NULL), 0);
}

static void
refuses_a_key_of_another_certificate(void)
{
	struct certs_pair p = {
	    devca_chain("chain.pem", &leaf, &mid, NULL),
	    devca_key("other.key", &mid, NULL),
	};

	CHECK_INT(try_pair(p, "app.example", "other.key: this key does not belong"), -1);
}

static void
refuses_a_chain_out_of_order(void)
{
	struct certs_pair p = devca_pair(&leaf, NULL);

	certs_file_free(&p.chain);
	p.chain = devca_chain("chain.pem", &leaf, &root, NULL);
	CHECK_INT(
	    try_pair(p, "app.example", "certificate 1 was not issued by certificate 2"),
	    -1);
	p = devca_pair(&mid, NULL);
	certs_file_free(&p.chain);
	p.chain = devca_chain("chain.pem", &mid, &leaf, NULL);
	CHECK_INT(try_pair(p, "app.example", "not issued by"), -1);
}

static void
refuses_a_host_that_the_certificate_lacks(void)
{
	CHECK_INT(
	    try_pair(devca_pair(&leaf, &mid), "other.example", "not for other.example"),
	    -1);
	CHECK_INT(try_pair(devca_pair(&leaf, &mid), "192.0.2.8", "not for 192.0.2.8"),
		  -1);
	/* The common name alone counts for nothing. */
	CHECK_INT(try_pair(devca_pair(&leaf, &mid), "the-common-name", "not for"), -1);
	/* One label only. */
	CHECK_INT(try_pair(devca_pair(&leaf, &mid), "a.b.any.example", "not for"), -1);
	CHECK_INT(try_pair(devca_pair(&leaf, &mid), "*.app.example", "not for"), -1);
	CHECK_INT(try_pair(devca_pair(&leaf, &mid), "*.any.example", NULL), 0);
	CHECK_INT(try_pair(devca_pair(&leaf, &mid), "x.any.example", NULL), 0);
}

static void
refuses_what_is_not_pem(void)
{
	struct certs_pair p = devca_pair(&leaf, &mid);
	struct certs_pair broken = p;
	char *copy = malloc(p.chain.n);

	devca_must(copy != NULL, "memory");
	memcpy(copy, p.chain.p, p.chain.n);
	copy[p.chain.n / 4] = '!';
	broken.chain = (struct certs_blob){"chain.pem", copy, p.chain.n};
	broken.key = devca_key("key.pem", &leaf, NULL);
	CHECK_INT(try_pair(broken, "app.example", "chain.pem: certificate 1 is damaged"),
		  -1);
	broken.chain = (struct certs_blob){"chain.pem", strdup("hello\n"), 6};
	broken.key = devca_key("key.pem", &leaf, NULL);
	CHECK_INT(try_pair(broken, "app.example", "no certificate in it"), -1);
	broken.chain = (struct certs_blob){"chain.pem", NULL, 0};
	broken.key = devca_key("key.pem", &leaf, NULL);
	CHECK_INT(try_pair(broken, "app.example", "empty"), -1);
	broken.chain = devca_chain("chain.pem", &leaf, &mid, NULL);
	broken.key = (struct certs_blob){"key.pem", strdup("hello\n"), 6};
	CHECK_INT(try_pair(broken, "app.example", "no private key"), -1);
	broken.chain = devca_chain("chain.pem", &leaf, &mid, NULL);
	broken.key = devca_key("key.pem", &leaf, "secret");
	CHECK_INT(try_pair(broken, "app.example", "passphrase"), -1);
	devca_pair_free(&p);
}

static void
refuses_weak_and_client_certificates(void)
{
	struct devca weak = devca_make(
	    &mid,
	    &(struct devca_opt){.name = "w", .san = "DNS:app.example", .rsa_bits = 1024});
	struct devca client = devca_make(
	    &mid, &(struct devca_opt){
		      .name = "c", .san = "DNS:app.example", .eku = "clientAuth"});

	CHECK_INT(try_pair(devca_pair(&weak, &mid), "app.example", "2048"), -1);
	CHECK_INT(try_pair(devca_pair(&client, &mid), "app.example", "may not be used"),
		  -1);
	devca_free(&weak);
	devca_free(&client);
}

static void
takes_ecdsa_beside_rsa_but_not_two_of_a_kind(void)
{
	struct devca rsa = devca_make(
	    &mid,
	    &(struct devca_opt){.name = "r", .san = "DNS:app.example", .rsa_bits = 2048});
	struct certs_pair p[2] = {devca_pair(&leaf, &mid), devca_pair(&rsa, &mid)};
	const char *hosts[] = {"app.example"};
	struct certs *c;

	CHECK_INT(open_pairs(&c, hosts, 1, p, 2), 0);
	certs_close(c);
	devca_pair_free(&p[1]);
	p[1] = devca_pair(&leaf, &mid);
	CHECK_INT(open_pairs(&c, hosts, 1, p, 2), -1);
	CHECK(strstr(why, "of no use") != NULL);
	CHECK_INT(open_pairs(&c, hosts, 1, p, 0), -1);
	devca_pair_free(&p[0]);
	devca_pair_free(&p[1]);
	devca_free(&rsa);
}

static void
warns_of_dates_and_missing_intermediates(void)
{
	static const struct {
		long from, to;
		const char *aia, *wanted;
	} cases[] = {
	    {-86400, -3600, NULL, "expired on"},
	    {86400, 200L * 86400, NULL, "not valid before"},
	    {-60, 20L * 86400 + 900, NULL, "in 20 days"},
	    {-60, 2L * 86400 + 900, NULL, "in 2 days"},
	    {-60, 0, "caIssuers;URI:http://ca.invalid/ca.crt", "only one certificate"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct devca d =
		    devca_make(&root, &(struct devca_opt){.name = "x",
							  .san = "DNS:app.example",
							  .from = cases[i].from,
							  .to = cases[i].to,
							  .aia = cases[i].aia});
		struct certs_pair p = devca_pair(&d, NULL);
		const char *hosts[] = {"app.example"};
		struct certs *c;

		CHECK_INT(open_pairs(&c, hosts, 1, &p, 1), 0);
		CHECK(c && certs_warning(c, 0) &&
		      strstr(certs_warning(c, 0), cases[i].wanted));
		if (c && certs_warning(c, 0))
			printf("# %s\n", certs_warning(c, 0));
		certs_close(c);
		devca_pair_free(&p);
		devca_free(&d);
	}
}

static void
tells_each_expiry_and_its_level(void)
{
	struct devca soon = devca_make(
	    &root,
	    &(struct devca_opt){.name = "s", .san = "DNS:b.example", .to = 10L * 86400});
	struct certs_pair p[2] = {devca_pair(&leaf, &mid), devca_pair(&soon, NULL)};
	const char *a[] = {"app.example"}, *b[] = {"b.example"};
	struct certs_site sites[2] = {{"a", a, 1, &p[0], 1}, {"b", b, 1, &p[1], 1}};
	int64_t now = (int64_t)time(NULL);
	struct certs_opt opt = {now, -1};
	struct certs_expiry e;
	struct certs *c;

	CHECK_INT(certs_open(&c, sites, 2, &opt, why, sizeof(why)), 0);
	CHECK(certs_expiry_of(c, 0, &e));
	CHECK_STR(e.site_name, "a");
	CHECK(!certs_expiry_of(c, 2, &e));
	CHECK(certs_expiry_of(c, 1, &e));
	CHECK_INT(e.site, 1);
	CHECK_STR(e.site_name, "b");
	CHECK(e.not_after - now > 10L * 86400 - 60 &&
	      e.not_after - now < 10L * 86400 + 60);
	CHECK_INT(certs_expiry_level(now + 31 * 86400, now), 0);
	CHECK_INT(certs_expiry_level(now + 30 * 86400, now), 1);
	CHECK_INT(certs_expiry_level(now + 14 * 86400, now), 2);
	CHECK_INT(certs_expiry_level(now + 3 * 86400, now), 3);
	CHECK_INT(certs_expiry_level(now, now), 4);
	certs_close(c);
	devca_pair_free(&p[0]);
	devca_pair_free(&p[1]);
	devca_free(&soon);
}

static void
certificates_may_be_for_different_hosts(void)
{
	struct devca one =
	    devca_make(&mid, &(struct devca_opt){.name = "1",
						 .san = "DNS:app.example,DNS:b.example"});
	struct devca two = devca_make(
	    &mid,
	    &(struct devca_opt){.name = "2", .san = "DNS:verify.example,DNS:b.example"});
	struct devca rsa = devca_make(
	    &mid,
	    &(struct devca_opt){.name = "r", .san = "DNS:b.example", .rsa_bits = 2048});
	struct certs_pair p[3] = {devca_pair(&one, &mid), devca_pair(&two, &mid),
				  devca_pair(&rsa, &mid)};
	const char *hosts[] = {"app.example", "verify.example", "b.example", "c.example"};
	struct certs *c;
	size_t v[3];

	CHECK_INT(open_pairs(&c, hosts, 3, p, 3), 0);
	CHECK_INT(certs_variants(c, 0), 3);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(
		    certs_pick(c, (const uint8_t *)hosts[i], strlen(hosts[i]), &v[i]), 0);
	CHECK(v[0] != v[1] && v[1] != v[2] && v[0] != v[2]);
	certs_close(c);
	CHECK_INT(open_pairs(&c, hosts, 4, p, 3), -1);
	CHECK(strstr(why, "not for c.example") && strstr(why, "nor is another"));
	CHECK_INT(open_pairs(&c, hosts, 1, p, 2), -1);
	CHECK(strstr(why, "of no use") != NULL);
	for (int i = 0; i < 3; i++)
		devca_pair_free(&p[i]);
	devca_free(&one);
	devca_free(&two);
	devca_free(&rsa);
}

static int
pick(const struct certs *c, const char *name)
{
	size_t variant;

	return certs_pick(c, (const uint8_t *)name, strlen(name), &variant);
}

static void
picks_exact_before_wildcard_and_folds(void)
{
	struct devca d = devca_make(
	    &mid,
	    &(struct devca_opt){
		.name = "d",
		.san = "DNS:a.example,DNS:*.a.example,DNS:x.a.example,IP:192.0.2.1"});
	struct certs_pair p = devca_pair(&d, &mid);
	const char *a[] = {"A.example", "192.0.2.1"}, *w[] = {"*.a.example"},
		   *x[] = {"x.a.example."};
	struct certs_site sites[3] = {
	    {"a", a, 2, &p, 1}, {"w", w, 1, &p, 1}, {"x", x, 1, &p, 1}};
	struct certs_opt opt = {0, -1};
	size_t variant;
	struct certs *c;

	sites[2].hosts = (const char *[]){"x.a.example"};
	CHECK_INT(certs_open(&c, sites, 3, &opt, why, sizeof(why)), 0);
	CHECK_INT(pick(c, "a.example"), 0);
	CHECK_INT(pick(c, "A.EXAMPLE."), 0);
	CHECK_INT(pick(c, "y.a.example"), 1);
	CHECK_INT(pick(c, "X.a.example"), 2);
	CHECK_INT(pick(c, "z.y.a.example"), CERTS_UNKNOWN_NAME);
	CHECK_INT(pick(c, ".a.example"), CERTS_UNKNOWN_NAME);
	CHECK_INT(pick(c, "*.a.example"), CERTS_UNKNOWN_NAME);
	CHECK_INT(pick(c, "."), CERTS_UNKNOWN_NAME);
	CHECK_INT(pick(c, "example"), CERTS_UNKNOWN_NAME);
	CHECK_INT(pick(c, "a.example.."), CERTS_UNKNOWN_NAME);
	CHECK_INT(certs_pick(c, (const uint8_t *)"a.example\0b", 11, &variant),
		  CERTS_UNKNOWN_NAME);
	CHECK_INT(pick(c, "192.0.2.1"), CERTS_UNKNOWN_NAME);
	CHECK_INT(pick(c, ""), CERTS_NO_NAME);
	CHECK_INT(certs_sites(c), 3);
	certs_close(c);
	opt.default_site = 1;
	CHECK_INT(certs_open(&c, sites, 3, &opt, why, sizeof(why)), 0);
	CHECK_INT(pick(c, ""), 1);
	CHECK_INT(pick(c, "no.example"), CERTS_UNKNOWN_NAME);
	certs_close(c);
	opt.default_site = 3;
	CHECK_INT(certs_open(&c, sites, 3, &opt, why, sizeof(why)), -1);
	opt.default_site = -1;
	sites[1].hosts = a;
	CHECK_INT(certs_open(&c, sites, 3, &opt, why, sizeof(why)), -1);
	CHECK(strstr(why, "named twice") != NULL);
	devca_pair_free(&p);
	devca_free(&d);
}

static void
reads_files_and_minds_their_mode(void)
{
	char path[] = "/tmp/warifu-test-XXXXXX";
	int fd = mkstemp(path);
	struct certs_blob b;

	CHECK_INT(write(fd, "0123456789", 10), 10);
	CHECK_INT(certs_file_read(&b, path, true, why, sizeof(why)), 0);
	CHECK_INT(b.n, 10);
	CHECK(b.p && memcmp(b.p, "0123456789", 10) == 0);
	certs_file_free(&b);
	CHECK(b.p == NULL);
	CHECK_INT(fchmod(fd, 0640), 0);
	CHECK_INT(certs_file_read(&b, path, true, why, sizeof(why)), 0);
	certs_file_free(&b);
	CHECK_INT(fchmod(fd, 0644), 0);
	CHECK_INT(certs_file_read(&b, path, true, why, sizeof(why)), -1);
	CHECK(strstr(why, "others can read") != NULL);
	CHECK_INT(certs_file_read(&b, path, false, why, sizeof(why)), 0);
	certs_file_free(&b);
	CHECK_INT(ftruncate(fd, CERTS_FILE_MAX + 1), 0);
	CHECK_INT(certs_file_read(&b, path, false, why, sizeof(why)), -1);
	CHECK_INT(certs_file_read(&b, "/tmp", false, why, sizeof(why)), -1);
	CHECK(strstr(why, "regular") != NULL);
	unlink(path);
	CHECK_INT(certs_file_read(&b, path, false, why, sizeof(why)), -1);
	CHECK(strstr(why, "cannot be opened") != NULL);
	close(fd);
}

int
main(void)
{
	root = devca_make(NULL, &(struct devca_opt){.name = "root", .is_ca = 1});
	mid = devca_make(&root, &(struct devca_opt){.name = "mid", .is_ca = 1});
	leaf = devca_make(
	    &mid,
	    &(struct devca_opt){.name = "the-common-name",
				.san = "DNS:app.example,DNS:*.any.example,IP:192.0.2.7"});
	TAP_RUN(opens_a_good_chain);
	TAP_RUN(refuses_a_key_of_another_certificate);
	TAP_RUN(refuses_a_chain_out_of_order);
	TAP_RUN(refuses_a_host_that_the_certificate_lacks);
	TAP_RUN(refuses_what_is_not_pem);
	TAP_RUN(refuses_weak_and_client_certificates);
	TAP_RUN(takes_ecdsa_beside_rsa_but_not_two_of_a_kind);
	TAP_RUN(warns_of_dates_and_missing_intermediates);
	TAP_RUN(tells_each_expiry_and_its_level);
	TAP_RUN(certificates_may_be_for_different_hosts);
	TAP_RUN(picks_exact_before_wildcard_and_folds);
	TAP_RUN(reads_files_and_minds_their_mode);
	devca_free(&leaf);
	devca_free(&mid);
	devca_free(&root);
	return tap_done();
}
