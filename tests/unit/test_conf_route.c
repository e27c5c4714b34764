/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/conf_sample.h"

#include <unistd.h>

static struct conf *
routes(const char *inside)
{
	char text[4096];
	struct conf *c;

	snprintf(text, sizeof(text),
		 "listen \"0.0.0.0:1\" tls\n" SITE "routes {\n%s}\n}\n", inside);
	CHECK_INT(parse(text, CONF_NO_FILES, &c), 0);
	if (c == NULL) {
		diags_print(ds, stdout);
		abort();
	}
	return c;
}

static void
routes_that_nobody_listed(void)
{
	struct conf *c = routes("");

	CHECK_STR(class_of(c, "GET", "/x"), "read");
	CHECK_STR(class_of(c, "HEAD", "/x"), "read");
	CHECK_STR(class_of(c, "OPTIONS", "/x"), "read");
	CHECK_STR(class_of(c, "WEBSOCKET", "/x"), "read");
	CHECK_STR(class_of(c, "POST", "/x"), "sensitive");
	CHECK_STR(class_of(c, "PUT", "/x"), "sensitive");
	CHECK_STR(class_of(c, "PATCH", "/x"), "sensitive");
	CHECK_STR(class_of(c, "DELETE", "/x"), "sensitive");
	CHECK_STR(class_of(c, "PROPFIND", "/x"), "sensitive");
	CHECK_STR(class_of(c, "get", "/x"), "sensitive");
	CHECK_STR(class_of(c, "POST", "/login"), "open");
	CHECK_STR(class_of(c, "POST", "/login/x"), "sensitive");
	conf_free(c);
}

static void
the_longest_route_wins(void)
{
	struct conf *c =
	    routes("open GET \"/*\"\nread \"/api/*\"\nwrite POST \"/api/*\"\n"
		   "sensitive \"/api/tx\"\nwrite \"/api/tx/note\"\n"
		   "sensitive WEBSOCKET \"/api/*\"\nread OTHER \"/dav/*\"\n"
		   "write \"/u/*/note\"\n");

	CHECK_STR(class_of(c, "GET", "/"), "open");
	CHECK_STR(class_of(c, "GET", "/x/y"), "open");
	CHECK_STR(class_of(c, "POST", "/x/y"), "sensitive");
	CHECK_STR(class_of(c, "GET", "/api"), "read");
	CHECK_STR(class_of(c, "POST", "/api/x"), "write");
	CHECK_STR(class_of(c, "PUT", "/api/x"), "read");
	CHECK_STR(class_of(c, "GET", "/api/tx"), "sensitive");
	CHECK_STR(class_of(c, "POST", "/api/tx/1"), "write");
	CHECK_STR(class_of(c, "GET", "/api/tx/note"), "write");
	CHECK_STR(class_of(c, "WEBSOCKET", "/api/ws"), "sensitive");
	CHECK_STR(class_of(c, "PROPFIND", "/dav/x"), "read");
	CHECK_STR(class_of(c, "DELETE", "/u/7/note"), "write");
	CHECK_STR(class_of(c, "GET", "/apix"), "open");
	/* case and one slash at the end */
	CHECK_STR(class_of(c, "GET", "/API/TX/"), "sensitive");
	CHECK_STR(class_of(c, "POST", "/Api/"), "write");
	CHECK_STR(class_of(c, "POST", "/LOGIN/"), "open");
	conf_free(c);
}

static void
of_equal_routes_the_stricter_wins(void)
{
	struct conf *c = routes("open POST \"/a\"\nsensitive POST \"/A/\"\n"
				"read \"/b\"\nwrite POST \"/b\"\nread POST \"/c\"\n"
				"sensitive \"/c\"\n");

	CHECK_STR(class_of(c, "POST", "/a"), "sensitive");
	CHECK_STR(class_of(c, "POST", "/b"), "write");
	CHECK_STR(class_of(c, "GET", "/b"), "read");
	CHECK_STR(class_of(c, "POST", "/c"), "read");
	CHECK_STR(class_of(c, "GET", "/c"), "sensitive");
	conf_free(c);
}

static void
a_handshake_is_never_less_than_the_get(void)
{
	struct conf *c = routes("sensitive GET \"/seed\"\nread GET \"/*\"\n"
				"read WEBSOCKET \"/api/*\"\nsensitive GET \"/api/keys\"\n"
				"write WEBSOCKET \"/live/*\"\nsensitive \"/both\"\n"
				"read WEBSOCKET \"/both\"\nopen WEBSOCKET \"/news\"\n"
				"open GET \"/static/*\"\n");

	CHECK_STR(class_of(c, "WEBSOCKET", "/seed"), "sensitive");
	CHECK_STR(class_of(c, "WEBSOCKET", "/api/keys"), "sensitive");
	CHECK_STR(class_of(c, "WEBSOCKET", "/both"), "sensitive");
	CHECK_STR(class_of(c, "WEBSOCKET", "/api/x"), "read");
	CHECK_STR(class_of(c, "WEBSOCKET", "/live/x"), "write");
	CHECK_STR(class_of(c, "WEBSOCKET", "/news"), "open");
	CHECK_STR(class_of(c, "WEBSOCKET", "/static/x"), "read");
	conf_free(c);
}

/* A folder with what a settings file names. */
static void
make(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f == NULL)
		abort();
	fputs(text, f);
	fclose(f);
}

static void
loads_from_disk_with_recipes(void)
{
	char dir[] = "/tmp/warifu-conf-XXXXXX", path[512];
	struct conf *c;

	CHECK(mkdtemp(dir) != NULL);
	make(dir, "c", "x");
	make(dir, "k", "x");
	make(dir, "r.recipe",
	     "credential bearer\nroutes {\n sensitive POST GET \"/x\"\n"
	     " write \"/y\"\n}\n");
	make(dir, "w.conf",
	     "listen \"0.0.0.0:1\" tls\n" SITE
	     "recipe \"r.recipe\"\nroutes {\n read POST \"/X/\"\n}\n}\n");
	make(dir, "bad.recipe", "credential bearer\nlogin {\n user what\n}\n");
	make(dir, "bad.conf",
	     "listen \"0.0.0.0:1\" tls\n" SITE "recipe \"bad.recipe\"\n}\n");
	make(dir, "dir.conf", "listen \"0.0.0.0:1\" tls\n" SITE "recipe \"/tmp\"\n}\n");
	snprintf(path, sizeof(path), "%s/w.conf", dir);
	diags_init(ds);
	CHECK_INT(conf_load(path, &c, ds), 0);
	if (c != NULL) {
		CHECK_STR(c->file, path);
		CHECK_INT(c->sites[0].n_carriers, 2);
		/* the site's own word goes before the recipe's, for what it names */
		CHECK_STR(class_of(c, "POST", "/x"), "read");
		CHECK_STR(class_of(c, "GET", "/x"), "sensitive");
		CHECK_STR(class_of(c, "PUT", "/y"), "write");
	}
	conf_free(c);
	snprintf(path, sizeof(path), "%s/bad.conf", dir);
	diags_init(ds);
	CHECK_INT(conf_load(path, &c, ds), WF_ECONFIG);
	CHECK(strstr(ds->list[0].file, "bad.recipe") != NULL);
	CHECK_INT(ds->list[0].pos.line, 3);
	CHECK_INT(ds->list[0].pos.col, 7);
	snprintf(path, sizeof(path), "%s/dir.conf", dir);
	diags_init(ds);
	CHECK_INT(conf_load(path, &c, ds), WF_ECONFIG);
	CHECK(strstr(ds->list[0].text, "not a file") != NULL);
	for (size_t i = 0; i < 7; i++) {
		static const char *const names[] = {
		    "c", "k", "r.recipe", "w.conf", "bad.recipe", "bad.conf", "dir.conf"};

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void
shipped_recipes_load(void)
{
	static const char *const names[] = {"django-admin", "express-session",
					    "ride-the-lightning"};
	char text[1024], cwd[256];

	CHECK(getcwd(cwd, sizeof(cwd)) != NULL);
	for (size_t i = 0; i < 3; i++) {
		struct conf *c;

		snprintf(
		    text, sizeof(text),
		    "listen \"0.0.0.0:1\" tls\nsite a {\n"
		    " host a.example\n portal p.example\n certificate \"c\" key \"k\"\n"
		    " backend {\n server \"unix:/x\"\n }\n recipe "
		    "\"%s/recipes/%s.recipe\"\n}\n",
		    cwd, names[i]);
		CHECK_INT(parse(text, CONF_NO_FILES, &c), 0);
		if (c == NULL) {
			diags_print(ds, stdout);
			continue;
		}
		CHECK(c->sites[0].n_logins > 0 && c->sites[0].n_routes > 0);
		if (i == 0)
			CHECK_STR(class_of(c, "POST", "/admin/login/"), "open");
		if (i == 2) {
			CHECK_STR(class_of(c, "POST", "/rtl/api/authenticate"), "open");
			CHECK_STR(class_of(c, "GET", "/rtl/main.js"), "open");
			CHECK_STR(class_of(c, "GET", "/rtl/api/lnd/balance"), "read");
			CHECK_STR(class_of(c, "GET", "/rtl/api/conf/updateSelNode/1/0"),
				  "write");
			CHECK_STR(class_of(c, "POST", "/rtl/api/lnd/transactions"),
				  "sensitive");
			CHECK_STR(class_of(c, "WEBSOCKET", "/rtl/api/ws"), "read");
		}
		conf_free(c);
	}
}

int
main(void)
{
	sample_init();
	TAP_RUN(routes_that_nobody_listed);
	TAP_RUN(the_longest_route_wins);
	TAP_RUN(of_equal_routes_the_stricter_wins);
	TAP_RUN(a_handshake_is_never_less_than_the_get);
	TAP_RUN(loads_from_disk_with_recipes);
	TAP_RUN(shipped_recipes_load);
	free(ds);
	return tap_done();
}
