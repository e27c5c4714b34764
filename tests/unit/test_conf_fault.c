/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/conf_sample.h"

/* '@' stands where the error is; `with` is part of its text. */
struct fault {
	const char *text;
	const char *with;
};

static const struct fault faults[] = {
    {"@foo 1\n" GOOD, "'foo' is no setting of the file"},
    {"@staet \"x\"\n" GOOD, "'staet'"},
    {"state \"x\"\n@state \"y\"\n" GOOD, "given twice; first in line 1"},
    {"threads @300\n" GOOD, "between off and 256"},
    {"threads @0\n" GOOD, "cannot be 0"},
    {"threads @-1\n" GOOD, "between"},
    {"threads @\"4\"\n" GOOD, "expected a number"},
    {"threads\n@" GOOD, "is missing before this"},
    {"threads 4 @5\n" GOOD, "does not belong to 'threads'"},
    {"state @foo\n" GOOD, "expected a path in double quotes"},
    {"state @\"\"\n" GOOD, "must not be empty"},
    {"state @\"x\n" GOOD, "not closed"},
    {"timeouts {\n head @10\n}\n" GOOD, "expected a duration"},
    {"timeouts {\n head @10 KiB\n}\n" GOOD, "expected a duration"},
    {"timeouts {\n tunnel-lease @61 s\n}\n" GOOD, "between 1 s and 1 min"},
    {"timeouts {\n head @0 s\n}\n" GOOD, "between 1 s and 5 min"},
    {"timeouts {\n @lease 1 s\n}\n" GOOD, "no setting of timeouts blocks"},
    {"timeouts @10 s\n" GOOD, "expected '{'"},
    {"limits {\n head-size @32\n}\n" GOOD, "expected a size"},
    {"limits {\n head-size @1 GiB\n}\n" GOOD, "between 2 KiB and 32 KiB"},
    {"limits {\n rate-per-user 5 @each\n}\n" GOOD, "expected 'per'"},
    {"limits {\n rate-per-user 5 per @5 burst 1\n}\n" GOOD, "expected a duration"},
    {"limits {\n rate-per-user 5 per 1s\n@}\n" GOOD, "expected 'burst'"},
    {"limits {\n rate-per-user @0 per 1s burst 1\n}\n" GOOD, "takes 1 to"},
    {"log {\n on-full @maybe\n}\n" GOOD, "either refuse or pass"},
    {"alarm {\n syslog @yes\n}\n" GOOD, "either off or on"},
    {"listen @\"8443\" tls\n" GOOD, "not an address with a port"},
    {"listen @\"host.example:443\" tls\n" GOOD, "not an address with a port"},
    {"listen @\"1.2.3.4:0\" tls\n" GOOD, "not an address with a port"},
    {"listen \"1.2.3.4:5\" @plain\n" GOOD, "expected 'tls'"},
    {"listen \"1.2.3.4:5\" tls proxy-protocol\n@" GOOD,
     "'from' and a network is missing"},
    {"listen \"1.2.3.4:5\" tls proxy-protocol from @all\n" GOOD, "does not belong"},
    {GOOD "@listen \"127.0.0.1:8443\" tls\n", "listened on twice"},
    {"trusted-hops @10.0.0.1/8\n" GOOD, ""},
    {"trusted-hops @::ffff:0:0/90\n" GOOD, ""},
    {"@console {\n listen \"1.2.3.4:5\"\n certificate \"a\"\n key \"b\"\n}\n" GOOD,
     "the console block lacks 'client-ca'"},
    {"console {\n @monitor \"192.0.2.1:9100\"\n}\n" GOOD,
     "monitor is plain HTTP: it must be a loopback address"},
    {"@console {\n certificate \"a\"\n}\n" GOOD,
     "the console block lacks 'listen' or 'monitor'"},
    {"log {\n retention 1 d\n" GOOD "@", ""},
    {GOOD "@}\n", "expected a setting"},
    {GOOD "@{ state \"a\" }\n", "expected a setting"},
    {"site @{}\n" GOOD, "expected the site's name"},
    {GOOD "site @a {\n host b.example\n certificate \"c\" key \"k\"\n credential bearer\n"
	  " backend {\n server \"unix:/x\"\n }\n" LOGIN "}\n",
     "a site 'a' already"},
    {SITE " host @\"a.example.\"\n}\n", "not a host name"},
    {SITE " host @p.example\n}\n", "is a host of site a already"},
    {SITE " host @\"a b\"\n}\n", "not a host name"},
    {SITE " host @\"b.example:80\"\n}\n", "not a host name"},
    {SITE " certificate \"x\" @\"y\"\n}\n", "expected 'key'"},
    {SITE " certificate @x key y\n}\n", "expected a path"},
    {SITE " mode @watch\n}\n", "either observe or enforce"},
    {SITE " methods @TRACE\n}\n", "never served"},
    {SITE " login-origin @\"http://idp.example\"\n}\n", "not an origin"},
    {SITE " login-origin @\"https://idp.example/x\"\n}\n", "not an origin"},
    {SITE " network office @here\n}\n", "expected a network"},
    {SITE " credential @token\n}\n", "a credential is"},
    {SITE " credential cookie @\"a=b\"\n}\n", "cannot be"},
    {SITE " credential cookie\n@}\n", "is missing before this"},
    {SITE " logout POST @/x\n}\n", ""},
    {SITE " logout POST @\"x\"\n}\n", "no request can have this path"},
    {SITE " logout POST @\"/a//b\"\n}\n", "no request can have this path"},
    {SITE " logout POST @\"/%41\"\n}\n", ""},
    {SITE " routes {\n open @HEAD \"/x\"\n }\n}\n", "no method that can be named"},
    {SITE " routes {\n open @get \"/x\"\n }\n}\n", "no method that can be named"},
    {SITE " routes {\n open GET\n @}\n}\n", "is missing before this"},
    {SITE " routes {\n @public \"/x\"\n }\n}\n", "no setting of routes blocks"},
    {SITE " routes @GET\n}\n", "expected '{'"},
    {SITE " @login {\n request POST \"/l\"\n }\n}\n", "does not say what success is"},
    {SITE " @login {\n success status 200\n }\n}\n", "names no request"},
    {SITE " login {\n @request \"/l\"\n success status 200\n }\n}\n",
     "names its methods"},
    {SITE " login {\n request POST \"/l\"\n success status @404\n }\n}\n", "200 to 399"},
    {SITE " login {\n request POST \"/l\"\n success @body \"x\"\n }\n}\n", "told by"},
    {SITE " login {\n request POST \"/l\"\n success cookie sid\n @}\n}\n", "'changed'"},
    {SITE " login {\n request POST \"/l\"\n success json @\"a..b\" present\n }\n}\n",
     "no path into"},
    {SITE " login {\n request POST \"/l\"\n success json \"a\" @is \"b\"\n }\n}\n",
     "expected 'equals'"},
    {SITE " login {\n request POST \"/l\"\n success status 200\n user @oracle\n }\n}\n",
     "comes from form"},
    {SITE
     " @login {\n request POST \"/l\"\n success status 200\n user jwt \"sub\"\n }\n}\n",
     "needs the token"},
    {SITE " login {\n request POST \"/l\"\n success status 200\n fold @upper\n }\n}\n",
     "either lower or none"},
    {SITE " session {\n adopt @2026-01-01\n }\n}\n", "expected 'until'"},
    {SITE " session {\n adopt until @tomorrow\n }\n}\n", "expected a date"},
    {SITE " session {\n lifetime @10 s\n }\n}\n", "between 1 min and 366 d"},
    {SITE " headers {\n strip @\"a b\"\n }\n}\n", "no name of a field"},
    {SITE " headers {\n pass @x-mine\n }\n}\n", "not on the built-in list"},
    {SITE " headers {\n harden-cookies @1\n }\n}\n", "expected a word"},
    {SITE " @backend {\n server \"http://1.2.3.4\"\n }\n}\n", "given twice"},
    {"site @a {\n host a.example\n portal p.example\n certificate \"c\" key \"k\"\n"
     " credential cookie sid\n" LOGIN "}\n",
     "this site has no backend"},
    {"site @a {\n portal p.example\n certificate \"c\" key \"k\"\n credential cookie "
     "sid\n"
     " backend {\n server \"unix:/x\"\n }\n" LOGIN "}\n",
     "this site has no host"},
    {"site @a {\n host a.example\n portal p.example\n credential cookie sid\n"
     " backend {\n server \"unix:/x\"\n }\n" LOGIN "}\n",
     "this site has no certificate"},
    {"site @a {\n host a.example\n portal p.example\n certificate \"c\" key \"k\"\n"
     " backend {\n server \"unix:/x\"\n }\n" LOGIN "}\n",
     "no session credential"},
    {"site @a {\n host a.example\n portal p.example\n certificate \"c\" key \"k\"\n"
     " credential bearer\n backend {\n server \"unix:/x\"\n }\n}\n",
     "knows no login"},
};

#define BACKEND(x)                                                                     \
	"site b {\n host b.example\n portal q.example\n certificate \"c\" key \"k\"\n" \
	" credential bearer\n" LOGIN x "}\n"

static const struct fault backend_faults[] = {
    {BACKEND("@backend {\n}\n"), "has no server"},
    {BACKEND("backend {\n server @\"ftp://x\"\n}\n"), "begins with http://"},
    {BACKEND("backend {\n server @\"http://x/y\"\n}\n"), "not a server such as"},
    {BACKEND("backend {\n server @\"http://1.2.3\"\n}\n"), ""},
    {BACKEND("backend {\n server @\"unix:x\"\n}\n"), "not the path of a socket"},
    {BACKEND("@backend {\n server \"unix:/x\"\n tls-name y.example\n}\n"),
     "settings for TLS"},
    {BACKEND("@backend {\n server \"https://x\"\n tls-key \"k\"\n}\n"), "go together"},
    {BACKEND("@backend {\n server \"https://x\"\n tls-verify off\n tls-ca \"c\"\n}\n"),
     "no meaning"},
    {BACKEND("backend {\n server \"unix:/x\"\n health-path @\"x\"\n}\n"), "normal form"},
    {BACKEND("backend {\n server \"unix:/x\"\n probe-around @\"x\"\n}\n"), "not a URL"},
    {BACKEND("backend {\n server \"unix:/x\"\n host @\"a b\"\n}\n"), "not a host name"},
    {BACKEND("@backend {\n server \"unix:/x\"\n health-interval 1 s\n}\n"),
     "longer than"},
};

/* Takes the first '@' out; its place in *line and *col. */
static char *
unmark(const char *marked, unsigned *line, unsigned *col)
{
	char *text = strdup(marked), *at;

	if (text == NULL)
		abort();
	at = strchr(text, '@');
	*line = *col = 1;
	for (char *p = text; p < at; p++) {
		*col = *p == '\n' ? 1 : *col + 1;
		*line += *p == '\n';
	}
	memmove(at, at + 1, strlen(at));
	return text;
}

static void
check_faults(const struct fault *f, size_t n, unsigned flags)
{
	for (size_t i = 0; i < n; i++) {
		unsigned line, col;
		char *text = unmark(f[i].text, &line, &col);
		struct conf *c;
		int r = parse(text, flags, &c);
		bool found = false;

		for (size_t k = 0; k < ds->n; k++)
			found |= ds->list[k].level == DIAG_ERROR &&
				 ds->list[k].pos.line == line &&
				 ds->list[k].pos.col == col &&
				 strstr(ds->list[k].text, f[i].with) != NULL;
		if (r != WF_ECONFIG || !found || c != NULL) {
			printf("# %zu: wanted %u:%u \"%s\" in:\n%s", i, line, col,
			       f[i].with, text);
			diags_print(ds, stdout);
		}
		CHECK_INT(r, WF_ECONFIG);
		CHECK(found);
		CHECK(c == NULL);
		free(text);
	}
}

static void
each_fault_has_its_line_and_column(void)
{
	check_faults(faults, sizeof(faults) / sizeof(faults[0]), CONF_NO_FILES);
	check_faults(backend_faults, sizeof(backend_faults) / sizeof(backend_faults[0]),
		     CONF_NO_FILES);
}

static void
reports_every_fault_not_only_the_first(void)
{
	struct conf *c;

	CHECK_INT(
	    parse("threads 999\nfoo {\n bar { x }\n}\ntimeouts {\n head 1\n idle 2\n}\n"
		  "site a {\n mode x\n host \"a b\"\n}\nstate 1\n",
		  CONF_NO_FILES, &c),
	    WF_ECONFIG);
	CHECK_INT(ds->errors, 7);
	for (size_t i = 1; i < ds->n; i++)
		CHECK(ds->list[i].pos.line > ds->list[i - 1].pos.line);
}

static void
files_that_are_missing_are_errors(void)
{
	struct conf *c;

	CHECK_INT(parse(GOOD, 0, &c), WF_ECONFIG);
	CHECK_INT(ds->errors, 1);
	CHECK_INT(ds->list[0].pos.line, 5);
	CHECK_INT(ds->list[0].pos.col, 14);
	CHECK(strstr(ds->list[0].text, "/etc/warifu/c: No such file") != NULL);
	diags_init(ds);
	CHECK_INT(conf_load("/nonexistent/warifu.conf", &c, ds), WF_EIO);
	CHECK_INT(ds->errors, 1);
	CHECK(c == NULL);
}

static void
sums_that_do_not_fit_are_errors(void)
{
	struct conf *c;

	CHECK_INT(parse("limits {\n head-size 4 KiB\n}\n" GOOD, CONF_NO_FILES, &c),
		  WF_ECONFIG);
	CHECK(strstr(ds->list[0].text, "line-size") != NULL);
	CHECK_INT(parse("", 0, &c), WF_ECONFIG);
	CHECK_INT(ds->errors, 1);
	CHECK_INT(parse("listen \"0.0.0.0:1\" tls\n", 0, &c), WF_ECONFIG);
	CHECK_STR(ds->list[0].text, "there is no site");
	CHECK_INT(parse("listen \"0.0.0.0:1\" redirect\n" SITE "}\n", CONF_NO_FILES, &c),
		  WF_ECONFIG);
	CHECK_STR(ds->list[0].text, "nothing listens for TLS");
}

static void
warns_where_a_site_has_no_portal(void)
{
	struct conf *c;

	CHECK_INT(parse("listen \"0.0.0.0:1\" tls\nsite a {\n host a.example\n"
			" certificate \"c\" key \"k\"\n credential cookie sid\n"
			" backend {\n server \"unix:/x\"\n }\n" LOGIN "}\n",
			CONF_NO_FILES, &c),
		  0);
	CHECK_INT(ds->warnings, 1);
	CHECK_INT(ds->list[0].pos.line, 2);
	conf_free(c);
}

int
main(void)
{
	sample_init();
	TAP_RUN(each_fault_has_its_line_and_column);
	TAP_RUN(reports_every_fault_not_only_the_first);
	TAP_RUN(files_that_are_missing_are_errors);
	TAP_RUN(sums_that_do_not_fit_are_errors);
	TAP_RUN(warns_where_a_site_has_no_portal);
	free(ds);
	return tap_done();
}
