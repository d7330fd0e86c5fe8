#include "load.h"
#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { USAGE = 2 };

static const char usage_text[] =
    "usage: sse-load [OPTION]... URL\n"
    "Opens many Server-Sent Events streams and measures what arrives: latency, loss, doubles, order, and the server's "
    "cost.\n"
    "\n"
    "  --clients N             streams (default 100)\n"
    "  --ramp SECONDS          opens them over this time (default 0: as fast as it goes)\n"
    "  --duration SECONDS      measures so long once all are open (default 10)\n"
    "  --settle SECONDS        then waits so long for what is still under way (default 1)\n"
    "  --header 'NAME: VALUE'  with every request; may be repeated\n"
    "  --last-event-id ID      where the streams begin\n"
    "  --source FIRST-LAST     IPv4 addresses to connect from, in turn: each has some 28,000 ports\n"
    "  --insecure              accepts any certificate\n"
    "\n"
    "  --publish URL           POSTs the body there while it measures ...\n"
    "  --body TEXT             ... in which {mark} becomes a number and the time, found again in the data of events\n"
    "  --content-type TYPE     of the body (default application/json)\n"
    "  --rate N                so many times a second (default 10)\n"
    "\n"
    "  --sequence-field NAME   of JSON data, a.b for a member of a member: numbers without holes, for loss, doubles "
    "and order\n"
    "  --time-field NAME       of JSON data: when it was published, since 1970\n"
    "  --time-unit UNIT        of that: s (default), ms, us or ns\n"
    "  --event NAME            looks for these in events of this name alone\n"
    "  --gap-event NAME        counts these as notices of loss (default gap)\n"
    "\n"
    "  --pid PID               of the server, for its CPU time and memory; may be repeated\n"
    "  --json FILE             writes the figures as JSON; - is standard output\n"
    "  --strict                exits with 1 if anything was lost, came twice or in another order\n"
    "  --help, --version\n";

static _Noreturn void refuse(const char *option, const char *value, const char *accepted)
{
  fprintf(stderr, "sse-load: --%s: \"%s\" is not accepted; accepted: %s\n", option, value, accepted);
  exit(USAGE);
}

static double number(const char *option, const char *value, double least, double most)
{
  char *end, accepted[64];
  double n = strtod(value, &end);

  snprintf(accepted, sizeof accepted, "%.10g to %.10g", least, most);
  if (end == value || *end || !(n >= least && n <= most))
    refuse(option, value, accepted);
  return n;
}

static void header(options *o, const char *value)
{
  const char *colon = strchr(value, ':');

  if (!colon || colon == value || strpbrk(value, "\r\n"))
    refuse("header", value, "NAME: VALUE");
  o->headers = curl_slist_append(o->headers, value);
}

static void sources(options *o, const char *value)
{
  char first[16], last[16];
  struct in_addr a, b;

  if (sscanf(value, "%15[0-9.]-%15[0-9.]", first, last) != 2 || !inet_aton(first, &a) || !inet_aton(last, &b) ||
      ntohl(a.s_addr) > ntohl(b.s_addr))
    refuse("source", value, "two IPv4 addresses in order, as 127.0.0.2-127.0.0.9");
  o->source = ntohl(a.s_addr);
  o->source_last = ntohl(b.s_addr);
}

static double unit(const char *value)
{
  static const struct {
    const char *name;
    double us;
  } units[] = { { "s", 1e6 }, { "ms", 1e3 }, { "us", 1 }, { "ns", 1e-3 } };

  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(value, units[i].name) == 0)
      return units[i].us;
  refuse("time-unit", value, "s, ms, us, ns");
}

static void pid(options *o, const char *value)
{
  if (o->n_pids == PIDS_MAX)
    refuse("pid", value, "at most 16 of them");
  o->pids[o->n_pids++] = (pid_t)number("pid", value, 1, 4194304);
}

/* curl's default is to ask a proxy of the environment, and to guess a scheme. */
static const char *url(const char *what, const char *value)
{
  if (strncasecmp(value, "http://", 7) != 0 && strncasecmp(value, "https://", 8) != 0) {
    fprintf(stderr, "sse-load: %s \"%s\" is not accepted; accepted: http://... or https://...\n", what, value);
    exit(USAGE);
  }
  return value;
}

static void finish(options *o, int left, char **arguments)
{
  if (left != 1) {
    fprintf(stderr, "sse-load: one URL is needed, %d were given\n%s", left, usage_text);
    exit(USAGE);
  }
  o->url = url("the URL", arguments[0]);
  if (o->publish_url && (!o->body || !strstr(o->body, "{mark}"))) {
    fprintf(stderr, "sse-load: --publish needs --body with {mark} in it\n");
    exit(USAGE);
  }
  if (o->publish_url && (o->sequence_field || o->time_field)) {
    fprintf(stderr, "sse-load: --publish brings its own marks; leave out --sequence-field and --time-field\n");
    exit(USAGE);
  }
  for (unsigned i = 0; i < o->n_pids; i++) {
    char path[32];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)o->pids[i]);
    if (access(path, R_OK) < 0)
      errx(USAGE, "--pid: there is no process %d", (int)o->pids[i]);
  }
}

options options_read(int argc, char **argv)
{
  enum {
    CLIENTS = 256,
    RAMP,
    DURATION,
    SETTLE,
    HEADER,
    LAST,
    SOURCE,
    INSECURE,
    PUBLISH,
    BODY,
    TYPE,
    RATE,
    SEQUENCE,
    TIME,
    UNIT,
    EVENT,
    GAP,
    PID,
    JSON,
    STRICT,
    HELP,
    VERSION
  };
  static const struct option known[] = { { "clients", 1, NULL, CLIENTS },
                                         { "ramp", 1, NULL, RAMP },
                                         { "duration", 1, NULL, DURATION },
                                         { "settle", 1, NULL, SETTLE },
                                         { "header", 1, NULL, HEADER },
                                         { "last-event-id", 1, NULL, LAST },
                                         { "source", 1, NULL, SOURCE },
                                         { "insecure", 0, NULL, INSECURE },
                                         { "publish", 1, NULL, PUBLISH },
                                         { "body", 1, NULL, BODY },
                                         { "content-type", 1, NULL, TYPE },
                                         { "rate", 1, NULL, RATE },
                                         { "sequence-field", 1, NULL, SEQUENCE },
                                         { "time-field", 1, NULL, TIME },
                                         { "time-unit", 1, NULL, UNIT },
                                         { "event", 1, NULL, EVENT },
                                         { "gap-event", 1, NULL, GAP },
                                         { "pid", 1, NULL, PID },
                                         { "json", 1, NULL, JSON },
                                         { "strict", 0, NULL, STRICT },
                                         { "help", 0, NULL, HELP },
                                         { "version", 0, NULL, VERSION },
                                         { NULL, 0, NULL, 0 } };
  options o = { .clients = 100,
                .duration_s = 10,
                .settle_s = 1,
                .rate = 10,
                .gap_event = "gap",
                .content_type = "application/json",
                .time_unit_us = 1e6 };
  int option;

  while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
    switch (option) {
    case CLIENTS:
      o.clients = (unsigned)number("clients", optarg, 1, 1000000);
      break;
    case RAMP:
      o.ramp_s = number("ramp", optarg, 0, 86400);
      break;
    case DURATION:
      o.duration_s = number("duration", optarg, 0.1, 604800);
      break;
    case SETTLE:
      o.settle_s = number("settle", optarg, 0, 3600);
      break;
    case HEADER:
      header(&o, optarg);
      break;
    case LAST:
      o.last_event_id = optarg;
      break;
    case SOURCE:
      sources(&o, optarg);
      break;
    case INSECURE:
      o.is_insecure = 1;
      break;
    case PUBLISH:
      o.publish_url = url("--publish", optarg);
      break;
    case BODY:
      o.body = optarg;
      break;
    case TYPE:
      o.content_type = optarg;
      break;
    case RATE:
      o.rate = number("rate", optarg, 0.01, 100000);
      break;
    case SEQUENCE:
      o.sequence_field = optarg;
      break;
    case TIME:
      o.time_field = optarg;
      break;
    case UNIT:
      o.time_unit_us = unit(optarg);
      break;
    case EVENT:
      o.event = optarg;
      break;
    case GAP:
      o.gap_event = optarg;
      break;
    case PID:
      pid(&o, optarg);
      break;
    case JSON:
      o.json = optarg;
      break;
    case STRICT:
      o.is_strict = 1;
      break;
    case HELP:
      fputs(usage_text, stdout);
      exit(0);
    case VERSION:
      printf("sse-load %s\n", hermes_sse_version());
      exit(0);
    default:
      fputs(usage_text, stderr);
      exit(USAGE);
    }
  }
  finish(&o, argc - optind, argv + optind);
  return o;
}
