/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/conf/recipe.h - how one kind of backend logs people in and out.
 *
 * A recipe names the carriers of a session credential, what a *successful* login is,
 * where the user's name comes from, the logout, and the class of the routes that we know
 * of. Shipped recipes are files; the same statements may stand in a site's block. A site
 * sees the union of its recipes and its own statements (struct conf_site).
 *
 * A login counts only if ALL conditions given hold: one that fails, or an answer that
 * cannot be read, changes nothing and binds nothing.
 *
 * Ownership  everything belongs to the struct conf that it was loaded into; spans have a
 *            NUL behind them.
 * Threads    read-only after loading.
 * Not here   looking into requests and responses (gate), file access (conf).
 */
#ifndef WARIFU_CONF_RECIPE_H
#define WARIFU_CONF_RECIPE_H

#include "proxy/base/span.h"

/* Carriers of one site, its recipes' included: whoever looks for credentials looks for
 * this many. */
enum { RECIPE_CARRIERS = 16 };

/* Where a session credential travels. */
enum recipe_carrier_kind {
	RECIPE_COOKIE,	    /* cookie NAME */
	RECIPE_BEARER,	    /* bearer: Authorization: Bearer */
	RECIPE_SUBPROTOCOL, /* subprotocol: first entry of Sec-WebSocket-Protocol */
};

struct recipe_carrier {
	enum recipe_carrier_kind kind;
	struct span
	    name; /* cookie's name, or prefix cut off the subprotocol; else empty */
};

enum recipe_class {
	RECIPE_OPEN, /* needs no session; credentials are stripped */
	RECIPE_READ,
	RECIPE_WRITE,
	RECIPE_SENSITIVE, /* moves value or rights */
};

/* Bits for the methods that a route names. */
enum {
	RECIPE_GET = 1 << 0,
	RECIPE_HEAD = 1 << 1, /* always together with RECIPE_GET */
	RECIPE_POST = 1 << 2,
	RECIPE_PUT = 1 << 3,
	RECIPE_PATCH = 1 << 4,
	RECIPE_DELETE = 1 << 5,
	RECIPE_OPTIONS = 1 << 6,
	RECIPE_WEBSOCKET = 1 << 7, /* a GET that asks for an upgrade to websocket */
	RECIPE_OTHER = 1 << 8,	   /* any other method; only "any" covers it */
	RECIPE_ANY = (1 << 9) - 1,
};

struct recipe_route {
	enum recipe_class class;
	unsigned methods;
	struct span path; /* a pattern for path_match */
};

struct recipe_endpoint {
	unsigned methods;
	struct span path; /* a pattern for path_match */
};

enum recipe_where {
	RECIPE_LOCATION,     /* Location, on this site, starts with / is `value`, or not */
	RECIPE_SET_COOKIE,   /* Set-Cookie changes the cookie `name` */
	RECIPE_JSON_PRESENT, /* the JSON answer has `name` (not null, not empty) */
	RECIPE_JSON_EQUALS,  /* … and it is `value` */
};

struct recipe_condition {
	enum recipe_where where;
	struct span name;
	struct span value;
	bool prefix;  /* RECIPE_LOCATION: starts with */
	bool negated; /* RECIPE_LOCATION: is somewhere else on this site */
};

enum recipe_user_from {
	RECIPE_USER_NONE,	  /* this backend tells nobody's name */
	RECIPE_USER_FORM,	  /* field of the urlencoded or multipart request body */
	RECIPE_USER_REQUEST_JSON, /* dotted path in the JSON request body */
	RECIPE_USER_JSON,	  /* dotted path in the JSON answer */
	RECIPE_USER_JWT,	  /* claim of the JWT that the login answered with */
	RECIPE_USER_HEADER,	  /* field of the answer */
};

enum { RECIPE_STATUS_MAX = 16 };

struct recipe_login {
	struct recipe_endpoint *at;
	size_t n_at;
	uint16_t status[RECIPE_STATUS_MAX]; /* any of these; none given: any 2xx or 3xx */
	size_t n_status;
	struct recipe_condition *when; /* all of these */
	size_t n_when;
	enum recipe_user_from user_from;
	struct span user_name;	/* form field, dotted path, claim or field name */
	struct span page;	/* where people log in; empty: not told */
	bool fold_lower;	/* fold ASCII letters of the user's name */
	bool credential_json;	/* a bearer token comes in the JSON answer … */
	struct span credential; /* … at this dotted path */
};

struct recipe {
	const char *file; /* where it was read from; the settings file for a site's own */
	struct recipe_carrier *carriers;
	size_t n_carriers;
	struct recipe_login *logins;
	size_t n_logins;
	struct recipe_endpoint *logouts;
	size_t n_logouts;
	struct recipe_route *routes;
	size_t n_routes;
	struct span *harmless; /* cookies that are no credentials (CSRF, language) */
	size_t n_harmless;
};

/* "cookie", "bearer", "subprotocol" */
const char *recipe_carrier_name(enum recipe_carrier_kind k);

/* "open", "read", "write", "sensitive" */
const char *recipe_class_name(enum recipe_class c);

/* The bit of a method as it stands in a request; RECIPE_OTHER for those without one. */
unsigned recipe_method_bit(struct span method);

/* "GET" … "WEBSOCKET", "OTHER": as a settings file spells the bit. */
const char *recipe_method_name(unsigned bit);

/* Does a request meet this endpoint? */
bool recipe_endpoint_match(const struct recipe_endpoint *e, struct span method,
			   struct span path);

#endif
