/* SPDX-License-Identifier: MIT
 * The HTTP Upgrade of the native host: the request it writes, and what it thinks of answers. The key and its answer are
 * those of RFC 6455, section 1.3. */
#include <stdlib.h>

#include "check.h"
#include "native/http_upgrade.h"

#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

static wqn_url url;
static wqn_upgrade upgrade;
static wqn_error error;

static void begin(void) {
  wqn_url_parse(&url, "ws://server.example.com:9001/chat?key=hunter2", &error);
  CHECK_INT(wqn_upgrade_begin(&upgrade, &url, "mqtt", (const uint8_t *)"the sample nonce", &error), 0);
}

static int answered(const void *bytes, size_t length) {
  begin();
  memcpy(upgrade.response, bytes, length);
  upgrade.response_length = length;
  return wqn_upgrade_check(&upgrade, &url, &error);
}

static int text_answered(const char *text) { return answered(text, strlen(text)); }

static void request(void) {
  begin();
  CHECK_TEXT(upgrade.request, "GET /chat?key=hunter2 HTTP/1.1\r\n"
                              "Host: server.example.com:9001\r\n"
                              "Upgrade: websocket\r\n"
                              "Connection: Upgrade\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Protocol: mqtt\r\n"
                              "\r\n");
  CHECK_INT(upgrade.request_length, strlen(upgrade.request));
}

static const char good[] = SWITCH ACCEPT "Sec-WebSocket-Protocol: mqtt\r\nServer: x\r\n\r\n";

static void accepted(void) {
  CHECK_INT(text_answered(good), strlen(good));
  CHECK_INT(text_answered("HTTP/1.1 101 \r\nupgrade:WebSocket\r\nCONNECTION: keep-alive,\tUPGRADE \r\n" ACCEPT
                          "sec-websocket-protocol:  mqtt \r\nSec-WebSocket-Extensions:\r\n\r\n") > 0,
            1);
}

static void early_bytes(void) {
  char bytes[sizeof good + 4];
  memcpy(bytes, good, sizeof good - 1);
  memcpy(bytes + sizeof good - 1, "\x82\x00\x82\x00", 4);
  CHECK_INT(answered(bytes, sizeof good + 3), sizeof good - 1);
}

/* Each prefix waits for more, whatever a sanitizer says of what it reads. */
static void in_pieces(void) {
  for (size_t length = 0; length < sizeof good - 1; length++)
    CHECK_INT(answered(good, length), 0);
}

static void refused(void) {
  static const struct {
    const char *answer;
    int code;
    const char *says;
  } cases[] = {
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, "no WebSocket is at this path"},
      {"HTTP/1.1 404\r\n\r\n", 404, "/chat answered 404"},
      {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\n", 401, "credentials"},
      {"HTTP/1.1 403 Forbidden\r\n\r\n", 403, "credentials"},
      {"HTTP/1.1 200 OK\r\n\r\n<html>", 200, "ordinary web page"},
      {"HTTP/1.0 400 Bad Request\r\n\r\n", 400, "ws or wss"},
      {"HTTP/1.1 503 Service Unavailable\r\n\r\n", 503, "proxy"},
      {"HTTP/1.1 418 I'm a \x1b[31mteapot\r\n\r\n", 418, "I'm a ?[31mteapot"},
      {"HTTP/1.1 302 Found\r\nLocation: https://other/login?back=hunter2\r\n\r\n", 302, "\"https://other/login\""},
      {"HTTP/1.1 301 Moved\r\n\r\n", 301, "redirects"},
      {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" ACCEPT "\r\n", 101, "without the headers"},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: close, Upgraded\r\n" ACCEPT "\r\n", 101,
       "without the headers"},
      {SWITCH "Sec-WebSocket-Protocol: mqtt\r\n\r\n", 101, "Sec-WebSocket-Accept"},
      {SWITCH "Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n", 101,
       "Sec-WebSocket-Accept"},
      {SWITCH ACCEPT "\r\n", 101, "did not choose the subprotocol \"mqtt\""},
      {SWITCH ACCEPT "Sec-WebSocket-Protocol: chat\x01\r\n\r\n", 101, "chose the subprotocol \"chat?\""},
      {SWITCH ACCEPT "Sec-WebSocket-Protocol: mqttv3.1\r\n\r\n", 101, "chose the subprotocol \"mqttv3.1\""},
      {SWITCH ACCEPT "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 101,
       "extension"},
      {SWITCH ACCEPT ACCEPT "Sec-WebSocket-Protocol: mqtt\r\n\r\n", 0, "repeats a header"},
      {SWITCH ACCEPT "Sec-WebSocket-Protocol: mqtt\r\n folded\r\n\r\n", 0, "malformed"},
      {SWITCH "no colon\r\n\r\n", 0, "malformed"},
      {"HTTP/1.1 2x0 OK\r\n\r\n", 0, "malformed"},
      {"HTTP/1.1\r\n\r\n", 0, "malformed"},
      {"SSH-2.0-OpenSSH_9\r\n", 0, "no WebSocket server"},
      {"\x20\x02\x00\x05", 0, "no WebSocket server"},
      {"\x15\x03\x01\x00\x02\x02\x46", 0, "use wss://"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    memset(&error, 0, sizeof error);
    CHECK_INT(text_answered(cases[i].answer), -1);
    CHECK_INT(error.phase, WQN_UPGRADE);
    CHECK_INT(error.code, cases[i].code);
    if (!CHECK(strstr(error.text, cases[i].says) != NULL)) printf("  %s\n", error.text);
    CHECK(strstr(error.text, "hunter2") == NULL);
  }
}

static void bounded(void) {
  char *endless = malloc(WQN_UPGRADE_RESPONSE_MAX);
  size_t start = strlen(SWITCH "X: ");
  memset(endless, 'x', WQN_UPGRADE_RESPONSE_MAX);
  memcpy(endless, SWITCH "X: ", start);
  CHECK_INT(answered(endless, WQN_UPGRADE_RESPONSE_MAX - 1), 0);
  CHECK_INT(answered(endless, WQN_UPGRADE_RESPONSE_MAX), -1);
  CHECK(strstr(error.text, "more than 8192 bytes") != NULL);
  free(endless);
}

/* Every byte of a good answer replaced by every other: accepted or refused, never misread. */
static void any_byte(void) {
  char changed[sizeof good];
  for (size_t at = 0; at < sizeof good - 1; at++) {
    for (int byte = 0; byte < 256; byte++) {
      memcpy(changed, good, sizeof good);
      changed[at] = (char)byte;
      int result = answered(changed, sizeof good - 1);
      CHECK(result >= -1 && result <= (int)sizeof good - 1);
    }
  }
}

static void cut_off(void) {
  begin();
  CHECK_INT(wqn_upgrade_cut(&upgrade, &url, &error), -1);
  CHECK(strstr(error.text, "without an HTTP answer") != NULL);
  upgrade.response_length = 3;
  CHECK_INT(wqn_upgrade_cut(&upgrade, &url, &error), -1);
  CHECK(strstr(error.text, "in the middle") != NULL);
}

int main(void) {
  check_case("upgrade: the request", request);
  check_case("upgrade: a good answer, in any case and spacing", accepted);
  check_case("upgrade: bytes behind the answer are left for the WebSocket", early_bytes);
  check_case("upgrade: an answer that came in part waits for the rest", in_pieces);
  check_case("upgrade: any other answer is refused, and says what to do", refused);
  check_case("upgrade: the answer's size is bounded", bounded);
  check_case("upgrade: any single changed byte is accepted or refused", any_byte);
  check_case("upgrade: a connection cut off in between", cut_off);
  return check_close();
}
