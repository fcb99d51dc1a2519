/* SPDX-License-Identifier: MIT
 * The HTTP half of a WebSocket's opening handshake. The answer is untrusted: it is bounded, each header that matters must
 * be there exactly once, and its text reaches an error only as printable ASCII. */
#include "http_upgrade.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "http.h"

/* The headers that decide, as they were found. */
typedef struct answer {
  unsigned status;
  wqn_span reason;
  wqn_span upgrade, connection, accept, subprotocol, extensions, location; /* at NULL: absent */
} answer;

int wqn_upgrade_begin(wqn_upgrade *upgrade, const wqn_url *url, const char *subprotocol,
                      const uint8_t nonce[WQN_UPGRADE_NONCE], wqn_error *error) {
  char key[25];
  EVP_EncodeBlock((unsigned char *)key, nonce, WQN_UPGRADE_NONCE);
  if (!wqn_http_accept(upgrade->accept, key))
    return wqn_fail(error, WQN_UPGRADE, 0, "OpenSSL offers no SHA-1 here, which a WebSocket handshake needs");

  int length = snprintf(upgrade->request, sizeof upgrade->request,
                        "GET %s HTTP/1.1\r\n"
                        "Host: %s\r\n"
                        "Upgrade: websocket\r\n"
                        "Connection: Upgrade\r\n"
                        "Sec-WebSocket-Key: %s\r\n"
                        "Sec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Protocol: %s\r\n"
                        "\r\n",
                        url->target, url->authority, key, subprotocol);
  upgrade->request_length = (size_t)length;
  upgrade->subprotocol = subprotocol;
  upgrade->response_length = 0;
  return 0;
}

/* ------------------------------------------------------------------------------------------------ reading */

/* "HTTP/1.1 101 Switching Protocols". Returns false if it is not that shape. */
static bool read_status(wqn_span line, answer *a) {
  if (line.length < 12 || memcmp(line.at, "HTTP/1.", 7) != 0 || line.at[8] != ' ') return false;
  for (size_t i = 9; i < 12; i++) {
    if (line.at[i] < '0' || line.at[i] > '9') return false;
    a->status = a->status * 10 + (unsigned)(line.at[i] - '0');
  }
  a->reason = wqn_span_trim((wqn_span){line.at + 12, line.length - 12});
  return true;
}

static bool read_answer(const char *text, size_t length, answer *a) {
  memset(a, 0, sizeof *a);
  wqn_http_header const wanted[] = {
      {"Upgrade", &a->upgrade},
      {"Connection", &a->connection},
      {"Sec-WebSocket-Accept", &a->accept},
      {"Sec-WebSocket-Protocol", &a->subprotocol},
      {"Sec-WebSocket-Extensions", &a->extensions},
      {"Location", &a->location},
  };
  wqn_span first;
  return wqn_http_read(text, length, &first, wanted, sizeof wanted / sizeof wanted[0]) && read_status(first, a);
}

/* ------------------------------------------------------------------------------------------------ judging */

static int refused(const answer *a, const wqn_url *url, wqn_error *error) {
  char reason[64];
  char location[160];
  const char *hint = "look into the server's log";
  wqn_printable(reason, sizeof reason, a->reason.at, a->reason.length);
  if (a->status >= 300 && a->status < 400) {
    /* A redirect's query may carry a secret, as ours may. */
    size_t shown = 0;
    while (shown < a->location.length && a->location.at[shown] != '?')
      shown++;
    wqn_printable(location, sizeof location, a->location.at, shown);
    return wqn_fail(error, WQN_UPGRADE, (int)a->status,
                    "%s answered %u %s: it redirects to \"%s\", which is not followed; use the right URL",
                    url->authority, a->status, reason, location);
  }
  switch (a->status) {
  case 200: hint = "an ordinary web page is there, no WebSocket: check the path"; break;
  case 400: hint = "it does not take this WebSocket request: check scheme (ws or wss), path and subprotocol"; break;
  case 401:
  case 403:
    hint = "it wants HTTP credentials or forbids this path: check path and signature, or ask its operator";
    break;
  case 404: hint = "no WebSocket is at this path: brokers use /mqtt, /ws or / as a rule"; break;
  case 426: hint = "it wants another protocol version"; break;
  case 502:
  case 503:
  case 504: hint = "the proxy does not reach its broker: is the broker running?"; break;
  default: break;
  }
  return wqn_fail(error, WQN_UPGRADE, (int)a->status, "%s%.*s answered %u %s: %s", url->authority,
                  (int)(url->path_length < 100 ? url->path_length : 100), url->target, a->status, reason, hint);
}

static int not_http(const wqn_upgrade *upgrade, const wqn_url *url, wqn_error *error) {
  bool tls_alert = upgrade->response_length >= 2 && upgrade->response[0] == 0x15 && upgrade->response[1] == 0x03;
  return wqn_fail(error, WQN_UPGRADE, 0, "%s does not answer in HTTP: %s", url->authority,
                  tls_alert ? "it speaks TLS, so use wss://" : "check the port; this is no WebSocket server");
}

static int judge(const wqn_upgrade *upgrade, const wqn_url *url, const answer *a, wqn_error *error) {
  char shown[64];
  if (a->status != 101) return refused(a, url, error);
  if (!wqn_span_is(a->upgrade, "websocket") || !wqn_span_has_token(a->connection, "upgrade"))
    return wqn_fail(error, WQN_UPGRADE, 101,
                    "%s answered 101 without the headers Upgrade: websocket and Connection: "
                    "Upgrade; a proxy in between may have removed them",
                    url->authority);
  /* Base64: case matters here. */
  if (a->accept.length != 28 || memcmp(a->accept.at, upgrade->accept, 28) != 0)
    return wqn_fail(error, WQN_UPGRADE, 101,
                    "%s answered with a wrong Sec-WebSocket-Accept: an answer to another request, "
                    "perhaps from a cache",
                    url->authority);
  if (a->extensions.at && a->extensions.length > 0)
    return wqn_fail(error, WQN_UPGRADE, 101, "%s chose a WebSocket extension, though none was offered", url->authority);
  if (!a->subprotocol.at) /* [M3:6.0.0-4] [M5:6.0.0-4] */
    return wqn_fail(error, WQN_UPGRADE, 101,
                    "%s did not choose the subprotocol \"%s\": there is a WebSocket at this path, "
                    "but it does not speak this version of MQTT",
                    url->authority, upgrade->subprotocol);
  if (a->subprotocol.length != strlen(upgrade->subprotocol) ||
      memcmp(a->subprotocol.at, upgrade->subprotocol, a->subprotocol.length) != 0)
    return wqn_fail(error, WQN_UPGRADE, 101, "%s chose the subprotocol \"%s\", though \"%s\" was offered",
                    url->authority, wqn_printable(shown, sizeof shown, a->subprotocol.at, a->subprotocol.length),
                    upgrade->subprotocol);
  return 0;
}

int wqn_upgrade_check(const wqn_upgrade *upgrade, const wqn_url *url, wqn_error *error) {
  static const char start[] = "HTTP/1.";
  size_t compared = upgrade->response_length < sizeof start - 1 ? upgrade->response_length : sizeof start - 1;
  if (memcmp(upgrade->response, start, compared) != 0) return not_http(upgrade, url, error);

  size_t length = wqn_http_end(upgrade->response, upgrade->response_length);
  if (length == 0) {
    if (upgrade->response_length < WQN_UPGRADE_RESPONSE_MAX) return 0;
    return wqn_fail(error, WQN_UPGRADE, 0, "%s answers with more than %u bytes of HTTP headers", url->authority,
                    WQN_UPGRADE_RESPONSE_MAX);
  }
  answer a;
  if (!read_answer((const char *)upgrade->response, length, &a))
    return wqn_fail(error, WQN_UPGRADE, 0, "%s answers in malformed HTTP, or repeats a header that decides",
                    url->authority);
  if (judge(upgrade, url, &a, error)) return -1;
  return (int)length;
}

int wqn_upgrade_cut(const wqn_upgrade *upgrade, const wqn_url *url, wqn_error *error) {
  if (upgrade->response_length > 0)
    return wqn_fail(error, WQN_UPGRADE, 0, "%s closed the connection in the middle of its HTTP answer", url->authority);
  return wqn_fail(error, WQN_UPGRADE, 0, "%s closed the connection without an HTTP answer: %s", url->authority,
                  "check port and path; this may be a plain MQTT or TLS port, or a broker without this subprotocol");
}
