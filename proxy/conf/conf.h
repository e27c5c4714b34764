/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/conf/conf.h - the settings: one file, read once, checked as a whole.
 *
 * Options with a plain value come from conf.def (type, limits, default, unit, whether a
 * reload may change it, sentence), which also makes warifu.conf(5). The loader reports
 * every fault it finds, with file, line and column, and gives nothing if there is any.
 * There is no include, no environment, no default for what an administrator must decide
 * (a site's hosts, certificate and backend).
 *
 * Ownership  struct conf owns all it points to until conf_free. Relative paths are taken
 *            from the settings file's folder and stored absolute. Every span has a NUL
 *            behind it, so span.p may be used as a C string.
 * Units      durations in milliseconds (_ms), sizes in bytes, dates in seconds since 1970
 *            (UTC).
 * Errors     0; WF_ECONFIG with at least one error in the list; WF_EIO, WF_ENOMEM.
 * Threads    read-only after loading; share it freely.
 * Not here   reading certificates, keys, geo files and policies: only that they exist.
 */
#ifndef WARIFU_CONF_CONF_H
#define WARIFU_CONF_CONF_H

#include <stdio.h>

#include "policy/diag.h"
#include "proxy/base/ip.h"
#include "proxy/conf/recipe.h"

struct conf_prefixes {
	struct ip_prefix *list;
	size_t n;
};

/* At most `count` events per `per_ms`, `burst` at once; count 0: no limit. */
struct conf_rate {
	uint64_t count;
	uint64_t per_ms;
	uint64_t burst;
};

enum conf_listen_kind { CONF_LISTEN_TLS, CONF_LISTEN_REDIRECT };

struct conf_listen {
	enum conf_listen_kind kind;
	struct ip ip;
	uint16_t port;
	const char *text;	      /* "192.0.2.1:443", "[::]:443" */
	bool proxy_protocol;	      /* every connection must begin with it … */
	struct conf_prefixes proxies; /* … and come from here */
};

struct conf_users {
	const char *gate;
	const char *scribe;
	const char *portal;
	const char *console;
};

struct conf_timeouts {
	uint64_t handshake_ms;	   /* accept to the end of the TLS handshake */
	uint64_t head_ms;	   /* first byte of a request to the end of its head */
	uint64_t body_ms;	   /* between two reads of a request body */
	uint64_t refused_body_ms;  /* the rest of a body that was refused */
	uint64_t idle_ms;	   /* between two requests */
	uint64_t close_ms;	   /* after the last answer */
	uint64_t write_ms;	   /* a client that does not read */
	uint64_t connect_ms;	   /* to a backend, TLS included */
	uint64_t upstream_head_ms; /* request sent to the response's head */
	uint64_t upstream_body_ms; /* between two portions given or taken */
	uint64_t upstream_idle_ms; /* a pooled connection */
	uint64_t tunnel_lease_ms;  /* tunnels and streams are decided on again */
	uint64_t tunnel_idle_ms;
	uint64_t commit_ms; /* wait for the record to be durable */
	uint64_t drain_ms;  /* connections left at a stop */
};

struct conf_limits {
	uint64_t hello; /* bytes of a ClientHello */
	uint64_t head;	/* bytes of a request's head */
	uint64_t head_response;
	uint64_t fields;     /* fields in a head */
	uint64_t line;	     /* bytes of one field line */
	uint64_t uri;	     /* bytes of a request target */
	uint64_t body;	     /* bytes of a request body */
	uint64_t body_drain; /* bytes of a refused body read before closing */
	uint64_t connections;
	uint64_t connections_address; /* from one address (IPv6: one /64) */
	uint64_t requests_connection;
	uint64_t streams; /* open at once on an HTTP/2 connection */
	uint64_t sessions;
	uint64_t sessions_user;
	uint64_t prelogin;	   /* cookies without a login, a pool of their own */
	uint64_t prelogin_address; /* … from one address */
	struct conf_rate rate_address;
	struct conf_rate rate_session;
	struct conf_rate rate_user;
	struct conf_rate rate_route;
	struct conf_rate rate_resets;	   /* streams of HTTP/2 broken off */
	struct conf_rate rate_idle_frames; /* frames of HTTP/2 that carry nothing */
	struct conf_rate rate_login; /* login requests from one address */
};

struct conf_geo {
	const char *country;
	const char *country_second; /* another maker's file: agreement counts */
	const char *city;
	const char *asn;
};

struct conf_portal {
	const char *socket;
};

struct conf_console {
	bool enabled; /* a console block is there */
	struct diag_pos at;
	struct conf_listen listen;  /* text NULL: none */
	struct conf_listen monitor; /* plain, on loopback; text NULL: none */
	const char *host;
	const char *certificate;
	const char *key;
	const char *client_ca;
	const char *client_crl; /* NULL: none */
};

enum conf_on_failure { CONF_REFUSE, CONF_PASS };

struct conf_log {
	const char *folder;
	uint64_t retention_ms;
	uint64_t min_free;	       /* bytes: below, the log counts as full */
	uint64_t max_size;	       /* bytes of all segments; 0: no limit */
	enum conf_on_failure on_full;  /* PASS: except sensitive routes */
	enum conf_on_failure on_down;  /* scribe does not answer; PASS as above */
	uint64_t stranger_entries;     /* aggregates of events without a session */
	uint64_t stranger_size;	       /* bytes on disk for them, a day */
	uint64_t stranger_interval_ms; /* one aggregate record per entry and interval */
};

struct conf_alarm {
	const char *command; /* run with the alarm as JSON on stdin; NULL: none */
	bool syslog;
	struct conf_rate rate;
};

enum conf_scheme { CONF_HTTP, CONF_HTTPS, CONF_UNIX };

struct conf_server {
	enum conf_scheme scheme;
	struct span host; /* name or address, without brackets; empty for unix */
	struct ip ip;	  /* family 0: host is a name */
	uint16_t port;
	const char *path; /* unix socket, else NULL */
	const char *text; /* as written */
	struct diag_pos at; /* where, for messages */
};

struct conf_backend {
	struct conf_server *servers;
	size_t n_servers;
	const char *host; /* Host sent to the backend; NULL: the client's */
	bool tls_verify;
	const char *tls_ca;   /* NULL: the system's */
	const char *tls_name; /* name to ask for and check; NULL: the server's host */
	const char *tls_cert; /* client certificate and key; NULL: none */
	const char *tls_key;
	const char *health_path; /* NULL: only connection failures count */
	uint64_t health_interval_ms;
	uint64_t health_timeout_ms;
	uint64_t health_rise;
	uint64_t health_fall;
	uint64_t connections; /* to one server */
	uint64_t kept_connections; /* … of which so many may rest, per thread */
	uint64_t retries;     /* idempotent requests of which nothing was answered */
	const char *around; /* URL under which the backend must NOT answer; NULL: none */
};

enum conf_mode { CONF_OBSERVE, CONF_ENFORCE };

enum conf_device { CONF_DEVICE_OFF, CONF_DEVICE_DBSC };

/* Networks that the site's people are known to work from. */
struct conf_network {
	struct span name;
	struct conf_prefixes prefixes;
	bool
	    inspects; /* TLS inspection: fingerprints and tickets from here are unknown */
};

struct conf_key_pair {
	const char *certificate;
	const char *key;
	struct diag_pos at; /* of the statement, for messages */
};

struct conf_site {
	struct span name;
	size_t index;	    /* in conf.sites */
	struct span *hosts; /* lower case, no port */
	size_t n_hosts;
	struct conf_key_pair *pairs;
	size_t n_pairs;
	struct span portal_host; /* empty: none of its own */
	enum conf_mode mode;
	struct diag_pos at; /* of the word site, for messages */
	const char *policy; /* NULL: the starter policy, built in */
	const char *cases;  /* its golden cases; NULL: none (the starter has its own) */
	struct diag_pos policy_at;
	struct conf_backend backend;

	/* Recipes and own statements, united. */
	struct recipe_carrier *carriers;
	size_t n_carriers;
	struct recipe_login *logins;
	size_t n_logins;
	struct span login_page; /* where a person without a session is sent; may be empty */
	struct recipe_endpoint *logouts;
	size_t n_logouts;
	struct recipe_route *routes; /* the one that wins comes first */
	size_t n_routes;
	struct span *harmless;
	size_t n_harmless;
	const char **recipes; /* files, for check and dump */
	size_t n_recipes;

	uint64_t lifetime_ms;
	uint64_t session_idle_ms;
	enum conf_device device_keys;
	uint64_t device_cookie_ms; /* how long a device's proof is good */
	int64_t adopt_until; /* 0: sessions that we never saw issued are refused */

	struct span *methods; /* served beside the usual seven: PROPFIND … */
	size_t n_methods;
	bool semicolons;     /* ';' in a path is an ordinary character for this backend */
	bool bodies_on_get;  /* GET, HEAD and OPTIONS may have a body */
	bool harden_cookies; /* add Secure, HttpOnly, SameSite=Lax to session cookies */
	bool redirect;	     /* plain HTTP is sent to https (redirect listeners) */
	uint64_t hsts_ms;    /* 0: none */
	struct span *strip;  /* request fields that assert an identity, lower case,
			      * beside those of fields.def */
	size_t n_strip;
	struct span *pass; /* … and those of the built-in list that may pass */
	size_t n_pass;
	struct span
	    *login_origins; /* "https://idp.example": may send a login POST here */
	size_t n_login_origins;
	struct conf_network *networks;
	size_t n_networks;
};

struct conf {
	const char *file; /* absolute */
	const char *state;
	const char *control;
	uint64_t threads; /* 0: one per core */
	bool http2;	  /* offered to clients */
	struct conf_users users;
	struct conf_listen *listens;
	size_t n_listens;
	struct conf_prefixes trusted_hops; /* whose X-Forwarded-* we believe */
	uint64_t ticket_rotation_ms;
	struct conf_timeouts timeouts;
	struct conf_limits limits;
	struct conf_geo geo;
	struct conf_portal portal;
	struct conf_console console;
	struct conf_log log;
	struct conf_alarm alarm;
	struct conf_site *sites;
	size_t n_sites;
	struct pool *pool; /* owns everything above */
};

/* Flags of conf_parse. */
enum {
	CONF_NO_FILES = 1 << 0,	  /* do not look whether named files exist */
	CONF_NO_RECIPES = 1 << 1, /* do not read recipe files */
	CONF_KEEP = 1 << 2, /* *out is what could be read, also with WF_ECONFIG: to look
			     * for more faults, never to run with */
};

/* Reads and checks the file; *out is NULL unless 0 is returned. */
int conf_load(const char *path, struct conf **out, struct diags *diags);

enum { CONF_PLACE = 4096 };

/* Where a running warifu is found and where its log lies. */
struct conf_places {
	char control[CONF_PLACE];
	char state[CONF_PLACE];
	char log[CONF_PLACE];
};

/* Only these, out of settings that may be full of faults: whoever has to stop something
 * now must not have to mend them first. WF_EIO (errno), WF_ERANGE. */
int conf_places(const char *path, struct conf_places *out);

/* The same with flags of conf_parse. */
int conf_load_flags(const char *path, unsigned flags, struct conf **out,
		    struct diags *diags);

/* The same from memory: `path` gives the name in messages and the folder. */
int conf_parse(const char *path, struct span text, unsigned flags, struct conf **out,
	       struct diags *diags);

void conf_free(struct conf *c);

/* The effective settings, as a settings file (recipes already merged in). */
int conf_dump(const struct conf *c, FILE *out);

/* SHA-256 over that text. */
int conf_hash(const struct conf *c, uint8_t out[32]);

/* Options that only a restart can change and that differ: one error each. 0 if none. */
int conf_reloadable(const struct conf *running, const struct conf *next,
		    struct diags *diags);

/* The site of a host name (lower or upper case, no port); NULL if no site has it.
 * A portal host belongs to its site: *portal tells. portal may be NULL. */
const struct conf_site *conf_site_find(const struct conf *c, struct span host,
				       bool *portal);

const struct conf_site *conf_site_by_name(const struct conf *c, struct span name);

/*
 * The class of a request. `path` is the normal path of proxy/wire/path.h, and patterns
 * match as path_match says: ASCII case and one slash at the end do not matter.
 * Of the routes that match path and method, the one with the longest pattern wins (its
 * last "*" not counted); of equally long ones that without "*", then the one that names
 * its methods, then the stricter class.
 * Not listed: GET, HEAD and OPTIONS are read, a WebSocket handshake is read (give the
 * endpoint a class if its messages change anything), everything else is sensitive.
 * A handshake is never less than a GET of the same path, for a backend may ignore the
 * Upgrade, unless the route that names WEBSOCKET is the more specific one.
 */
enum recipe_class conf_route_class(const struct conf_site *site, struct span method,
				   bool websocket, struct span path);

/* As above, and which listed route decided: NULL for none. */
enum recipe_class conf_route_find(const struct conf_site *site, struct span method,
				  bool websocket, struct span path,
				  const struct recipe_route **route);

/* The declared network an address belongs to (longest prefix), or NULL. */
const struct conf_network *conf_network_find(const struct conf_site *site,
					     const struct ip *ip);

#endif
