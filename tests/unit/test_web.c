/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of proxy/web: routes, deadlines, replies, pages, metrics text. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/base/text.h"
#include "proxy/web/conns.h"
#include "proxy/web/metrics.h"
#include "proxy/web/overview.h"
#include "proxy/web/reply.h"
#include "proxy/web/route.h"
#include "tests/unit/tap.h"

static void
targets_are_plain_ascii_paths(void)
{
	CHECK(route_target_ok(SPAN_LIT("/a?b=c")));
	CHECK(!route_target_ok(SPAN_LIT("")));
	CHECK(!route_target_ok(SPAN_LIT("*")));
	CHECK(!route_target_ok(SPAN_LIT("http://x/")));
	CHECK(!route_target_ok(SPAN_LIT("/a b")));
	CHECK(!route_target_ok(SPAN_LIT("/\xe5")));
}

static void
a_query_value_is_taken_once_and_bounded(void)
{
	struct span v;

	CHECK_INT(route_query(SPAN_LIT("/p?lang=ja"), "lang", 2, &v), 0);
	CHECK(span_eq(v, SPAN_LIT("ja")));
	CHECK_INT(route_query(SPAN_LIT("/p?x=1&lang=en&y"), "lang", 2, &v), 0);
	CHECK(span_eq(v, SPAN_LIT("en")));
	CHECK_INT(route_query(SPAN_LIT("/p?lang=en&lang=ja"), "lang", 2, &v),
		  WF_EAMBIGUOUS);
	CHECK_INT(v.n, 0);
	CHECK_INT(route_query(SPAN_LIT("/p?lang=eng"), "lang", 2, &v), WF_ERANGE);
	CHECK_INT(route_query(SPAN_LIT("/p?xlang=en&langs=en"), "lang", 2, &v),
		  WF_ENOTFOUND);
	CHECK_INT(route_query(SPAN_LIT("/p"), "lang", 2, &v), WF_ENOTFOUND);
	CHECK_INT(route_query(SPAN_LIT("/p?"), "lang", 2, &v), WF_ENOTFOUND);
}

static void
a_host_matches_whole_with_or_without_port(void)
{
	const char *hosts[] = {"localhost", "[::1]", NULL, "never"};

	CHECK(route_host_in(SPAN_LIT("localhost"), hosts, 4));
	CHECK(route_host_in(SPAN_LIT("LOCALHOST:9100"), hosts, 4));
	CHECK(route_host_in(SPAN_LIT("[::1]"), hosts, 4));
	CHECK(route_host_in(SPAN_LIT("[::1]:80"), hosts, 4));
	CHECK(!route_host_in(SPAN_LIT("localhost.evil.example"), hosts, 4));
	CHECK(!route_host_in(SPAN_LIT("localhost:80:80"), hosts, 4));
	CHECK(!route_host_in(SPAN_LIT("never"), hosts, 4));
	CHECK(!route_host_in(SPAN_LIT(""), hosts, 4));
	CHECK(!route_host_in(SPAN_LIT(":80"), hosts, 4));
	CHECK(!route_host_in(SPAN_LIT("80"), hosts, 4));
}

static void
a_path_matches_byte_for_byte(void)
{
	const struct httpd_route routes[] = {{"GET", "/a", NULL, 0},
					     {"POST", "/b", NULL, 9}};
	const char *allow;

	CHECK(route_find(routes, 2, SPAN_LIT("/a"), "GET", &allow) == &routes[0]);
	CHECK(route_find(routes, 2, SPAN_LIT("/a"), "HEAD", &allow) == &routes[0]);
	CHECK(route_find(routes, 2, SPAN_LIT("/b"), "HEAD", &allow) == NULL);
	CHECK_STR(allow, "POST");
	CHECK(route_find(routes, 2, SPAN_LIT("/a"), "get", &allow) == NULL);
	CHECK_STR(allow, "GET, HEAD");
	CHECK(route_find(routes, 2, SPAN_LIT("/a/"), "GET", &allow) == NULL);
	CHECK(allow == NULL);
	CHECK(route_find(routes, 2, SPAN_LIT("/%61"), "GET", &allow) == NULL);
}

static bool
is_shut(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static void
overdue_and_idle_connections_are_shut(void)
{
	struct conns cs;
	struct conn *a, *b;
	int x[2], y[2];

	conns_init(&cs);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, x), 0);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, y), 0);
	a = conns_start(&cs, x[0], 100);
	b = conns_start(&cs, y[0], 200);
	CHECK(conns_welcome(a, -1));
	CHECK(conns_welcome(a, (long)getuid()));
	CHECK(!conns_welcome(a, (long)getuid() + 1));
	conns_sweep(&cs, 99, false);
	CHECK(!is_shut(x[1]) && !is_shut(y[1]));
	conns_sweep(&cs, 100, false);
	CHECK(is_shut(x[1]) && !is_shut(y[1]));
	b->busy = true;
	conns_sweep(&cs, 100, true);
	CHECK(!is_shut(y[1]));
	b->busy = false;
	conns_sweep(&cs, 100, true);
	CHECK(is_shut(y[1]));
	conns_end(a);
	CHECK(!conns_empty(&cs));
	conns_end(b);
	CHECK(conns_empty(&cs));
	conns_fini(&cs);
	for (int i = 0; i < 2; i++) {
		close(x[i]);
		close(y[i]);
	}
}

static void
a_handed_connection_keeps_its_name(void)
{
	struct conns cs;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct conn *c;
	const struct conns_handed *e;
	int fds[CONNS_HANDED + 1];

	conns_init(&cs);
	for (int i = 0; i <= CONNS_HANDED; i++) {
		fds[i] = open("/dev/null", O_RDONLY);
		CHECK_INT(conns_hand(&cs, fds[i], (struct sockaddr *)&addr, sizeof(addr),
				     SPAN_LIT("CN=auditor")),
			  i < CONNS_HANDED ? 0 : WF_EFULL);
	}
	e = conns_take(&cs);
	c = conns_start(&cs, e->fd, 0);
	CHECK(span_eq(span_of(c->who, c->who_n), SPAN_LIT("CN=auditor")));
	conns_end(c);
	close(fds[0]);
	e = conns_take(&cs);
	conns_drop(&cs, e);
	close(fds[1]);
	c = conns_start(&cs, fds[CONNS_HANDED], 0);
	CHECK_INT(c->who_n, 0);
	conns_end(c);
	close(fds[CONNS_HANDED]);
	conns_fini(&cs);
	/* Those never taken were closed with the list. */
	CHECK_INT(fcntl(fds[2], F_GETFD), -1);
}

struct seen {
	unsigned n;
	bool csp, nosniff;
};

static void
see(void *arg, const char *name, const char *value)
{
	struct seen *s = arg;

	s->n++;
	s->csp |= strcmp(name, "Content-Security-Policy") == 0 &&
		  strstr(value, "default-src 'none'") != NULL &&
		  strstr(value, "unsafe") == NULL &&
		  strstr(value, "frame-ancestors 'none'") != NULL;
	s->nosniff |= strcmp(name, "X-Content-Type-Options") == 0;
}

static void
every_reply_carries_the_fixed_fields(void)
{
	struct httpd_reply rp;
	struct seen s = {0};
	char scratch[64];

	reply_init(&rp, scratch, sizeof(scratch));
	reply_fields(&rp, see, &s);
	CHECK(s.csp && s.nosniff);
	CHECK_INT(s.n, 3 + 6);
	reply_refusal(&rp, 404, "Not Found");
	CHECK_INT(rp.status, 404);
	CHECK(span_eq(span_of(rp.body.p, rp.body.n), SPAN_LIT("404 Not Found\n")));
}

static void
all_sentences_exist_in_both_languages(void)
{
	for (unsigned i = 0; i < TEXT_COUNT; i++) {
		enum page_key key = (enum page_key)i;
		const char *en = page_sentence(key, PROBLEM_EN);
		const char *ja = page_sentence(key, PROBLEM_JA);

		CHECK(text_printable(span_str(en)) && text_printable(span_str(ja)));
		CHECK((*en == '\0') == (key == TEXT_NOTHING));
		CHECK((*ja == '\0') == (key == TEXT_NOTHING));
	}
}

static void
page_pieces_are_written_as_people_read_them(void)
{
	char buf[512];
	struct quote q;
	struct page p = {.out = &q};
	struct span out;

	quote_init(&q, buf, sizeof(buf) - 1);
	page_number(&p, 1234567);
	PAGE_HTML(&p, " ");
	page_number(&p, 1000);
	PAGE_HTML(&p, " ");
	page_number(&p, 999);
	PAGE_HTML(&p, " ");
	page_number(&p, UINT64_MAX);
	PAGE_HTML(&p, " ");
	page_time(&p, 1717128306, 540, SPAN_LIT("JST"));
	page_time(&p, 1717128306, -210, span_of(NULL, 0));
	page_value(&p, SPAN_LIT("割符割符"), 7);
	CHECK_INT(quote_done(&q, &out), 0);
	buf[out.n] = '\0';
	CHECK_STR(buf, "1,234,567 1,000 999 18,446,744,073,709,551,615 "
		       "<time datetime=\"2024-05-31T04:05:06.000Z\">2024-05-31 13:05:06 "
		       "JST</time><time datetime=\"2024-05-31T04:05:06.000Z\">2024-05-31 "
		       "00:35:06 UTC-03:30</time>割符…");
}

static void
some_state(void *arg, struct console_state *s)
{
	(void)arg;
	memset(s->version, 'v', sizeof(s->version)); /* no NUL in a full field */
	s->parts[CONSOLE_LOG] = CONSOLE_DOWN;
}

static void
metrics_of_an_empty_source_are_whole(void)
{
	static char buf[65536];
	struct console_source src = {.state = some_state};
	struct quote q;
	struct span out;

	quote_init(&q, buf, sizeof(buf) - 1);
	metrics_write(&src, &q);
	CHECK_INT(quote_done(&q, &out), 0);
	buf[out.n] = '\0';
	CHECK(strstr(buf, "warifu_part_up{part=\"log\"} 0\n") != NULL);
	CHECK(strstr(buf, "warifu_part_up{part=\"gate\"} 1\n") != NULL);
	CHECK(strstr(buf, "warifu_log_head{") == NULL);
}

static void
history_keeps_the_last_hour(void)
{
	struct overview_history h = {0};

	for (uint64_t i = 0; i < 100; i++)
		overview_history_add(&h, (struct overview_requests){i, i / 2});
	CHECK_INT(h.n, OVERVIEW_MINUTES);
	CHECK_INT(h.minute[0].all, 40);
	CHECK_INT(h.minute[OVERVIEW_MINUTES - 1].all, 99);
	CHECK_INT(h.minute[OVERVIEW_MINUTES - 1].stopped, 49);
}

/* A console that is started again goes on in the same memory. */
static void
a_minute_is_what_the_counters_grew_by(void)
{
	static uint8_t area[65536] __attribute__((aligned(64)));
	struct overview_history h = {0};
	struct metric_view view;
	struct metric_lane *lane;

	CHECK(metric_area_size(1) <= sizeof(area));
	metric_area_init(area, 1);
	CHECK_INT(metric_lane_take(area, sizeof(area), 0, &lane), 0);
	CHECK_INT(metric_view_open(area, sizeof(area), &view), 0);
	metric_add(lane, METRIC_REQ_ALLOW, 1000);
	overview_history_tick(&h, &view, 5000);
	CHECK_INT(h.n, 0);
	metric_add(lane, METRIC_REQ_ALLOW, 7);
	metric_add(lane, METRIC_REQ_FLAG, 1);
	metric_add(lane, METRIC_REQ_CHALLENGE, 2);
	metric_add(lane, METRIC_REQ_REFUSE, 3);
	overview_history_tick(&h, &view, 64999);
	CHECK_INT(h.n, 0);
	overview_history_tick(&h, &view, 65000);
	CHECK_INT(h.n, 1);
	CHECK_INT(h.minute[0].all, 13);
	CHECK_INT(h.minute[0].stopped, 5);
	overview_history_tick(&h, &view, 125000);
	CHECK_INT(h.n, 2);
	CHECK_INT(h.minute[1].all, 0);
}

int
main(void)
{
	TAP_RUN(targets_are_plain_ascii_paths);
	TAP_RUN(a_query_value_is_taken_once_and_bounded);
	TAP_RUN(a_host_matches_whole_with_or_without_port);
	TAP_RUN(a_path_matches_byte_for_byte);
	TAP_RUN(overdue_and_idle_connections_are_shut);
	TAP_RUN(a_handed_connection_keeps_its_name);
	TAP_RUN(every_reply_carries_the_fixed_fields);
	TAP_RUN(all_sentences_exist_in_both_languages);
	TAP_RUN(page_pieces_are_written_as_people_read_them);
	TAP_RUN(metrics_of_an_empty_source_are_whole);
	TAP_RUN(history_keeps_the_last_hour);
	TAP_RUN(a_minute_is_what_the_counters_grew_by);
	return tap_done();
}
