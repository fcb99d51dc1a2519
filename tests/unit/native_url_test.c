/* SPDX-License-Identifier: MIT
 * ws:// and wss:// addresses taken apart by the native host. */
#include "check.h"
#include "native/url.h"

static wqn_url url;
static wqn_error error;

/* "tls host port authority target", or the error's text. */
static const char *parsed(const char *text) {
  static char line[WQN_URL_TARGET_MAX + 1024];
  if (wqn_url_parse(&url, text, &error)) {
    CHECK_INT(error.phase, WQN_OPTIONS);
    return error.text;
  }
  snprintf(line, sizeof line, "%s%s %s %s %s %s", url.tls ? "wss" : "ws", url.host_is_ip ? "(ip)" : "", url.host,
           url.port, url.authority, url.target);
  return line;
}

static void good(void) {
  CHECK_TEXT(parsed("ws://127.0.0.1:9001/mqtt"), "ws(ip) 127.0.0.1 9001 127.0.0.1:9001 /mqtt");
  CHECK_TEXT(parsed("wss://broker.example/a/b"), "wss broker.example 443 broker.example /a/b");
  CHECK_TEXT(parsed("WSS://Broker.Example:443/"), "wss Broker.Example 443 Broker.Example /");
  CHECK_TEXT(parsed("ws://h:80"), "ws h 80 h /mqtt");
  CHECK_TEXT(parsed("ws://h:443/x"), "ws h 443 h:443 /x");
  CHECK_TEXT(parsed("ws://[::1]:9001/ws"), "ws(ip) ::1 9001 [::1]:9001 /ws");
  CHECK_TEXT(parsed("wss://[2001:db8::1]"), "wss(ip) 2001:db8::1 443 [2001:db8::1] /mqtt");
}

static void default_path(void) {
  CHECK_TEXT(parsed("ws://h"), "ws h 80 h /mqtt");
  CHECK_TEXT(parsed("ws://h:1883?token=1"), "ws h 1883 h:1883 /mqtt?token=1");
  CHECK_INT(url.path_length, 5);
  parsed("ws://h/p?secret=1");
  CHECK_INT(url.path_length, 2);
}

static void refused(void) {
  static const char *const texts[][2] = {
      {"mqtt://h:1883", "must begin with ws:// or wss://"},
      {"h:9001", "must begin with ws:// or wss://"},
      {"", "must begin with ws:// or wss://"},
      {"ws://", "has no host name"},
      {"ws://:9001/", "has no host name"},
      {"ws://user:secret@h/", "user name"},
      {"ws://h:0/", "1 to 65535"},
      {"ws://h:65536/", "1 to 65535"},
      {"ws://h:123456789012345678901/", "1 to 65535"},
      {"ws://h:/", "1 to 65535"},
      {"ws://h:8o/", "1 to 65535"},
      {"ws://h:-1/", "1 to 65535"},
      {"ws://[::1/", "without its ]"},
      {"ws://[]/", "has no host name"},
      {"ws://[1.2.3.4]/", "not an IPv6 address"},
      {"ws://[::1]9001/", "other than a port"},
      {"ws://h\r\nX: y/", "may hold letters"},
      {"ws://h h/", "may hold letters"},
      {"ws://b\xC3\xBC"
       "cher.example/",
       "may hold letters"},
      {"ws://h/#part", "fragment"},
      {"ws://h/a b", "outside ASCII"},
      {"ws://h/\r\nHost: x", "outside ASCII"},
      {"ws://h/\xC3\xBC", "outside ASCII"},
      {"ws://h/\x7F", "outside ASCII"},
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    const char *got = parsed(texts[i][0]);
    if (!CHECK(strstr(got, texts[i][1]) != NULL)) printf("  %s gave: %s\n", texts[i][0], got);
  }
}

static void no_secret_in_errors(void) {
  CHECK(strstr(parsed("ws://user:hunter2@h/"), "hunter2") == NULL);
  CHECK(strstr(parsed("ws://h/?sig=hunter2 "), "hunter2") == NULL);
}

static void limits(void) {
  char text[WQN_URL_TARGET_MAX + 64] = "ws://";
  memset(text + 5, 'a', 254);
  CHECK(strstr(parsed(text), "longer than 253") != NULL);
  text[5 + 253] = '\0';
  CHECK_INT(wqn_url_parse(&url, text, &error), 0);
  CHECK_INT(strlen(url.host), 253);

  strcpy(text, "ws://h/");
  memset(text + 7, 'p', WQN_URL_TARGET_MAX - 1);
  text[7 + WQN_URL_TARGET_MAX - 1] = '\0';
  CHECK_INT(wqn_url_parse(&url, text, &error), 0);
  CHECK_INT(strlen(url.target), WQN_URL_TARGET_MAX);
  strcat(text, "p");
  CHECK(strstr(parsed(text), "too long") != NULL);

  strcpy(text, "ws://h?");
  memset(text + 7, 'q', WQN_URL_TARGET_MAX - 6); /* with the default path in front, one too many */
  text[7 + WQN_URL_TARGET_MAX - 5] = '\0';
  CHECK(strstr(parsed(text), "too long") != NULL);
}

int main(void) {
  check_case("url: scheme, host, port, Host header, path and query", good);
  check_case("url: without a path it is /mqtt", default_path);
  check_case("url: everything else is refused with a reason", refused);
  check_case("url: passwords and queries stay out of errors", no_secret_in_errors);
  check_case("url: lengths are bounded", limits);
  return check_close();
}
