/* SPDX-License-Identifier: MIT
 * The head of an HTTP message: lines, headers, lists of tokens; and the handshake's digest. */
#include "http.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "../crypto.h"

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, section 1.3 */

bool wqn_span_is(wqn_span s, const char *text) {
  return s.at && s.length == strlen(text) && strncasecmp(s.at, text, s.length) == 0;
}

wqn_span wqn_span_trim(wqn_span s) {
  while (s.length > 0 && (*s.at == ' ' || *s.at == '\t'))
    s.at++, s.length--;
  while (s.length > 0 && (s.at[s.length - 1] == ' ' || s.at[s.length - 1] == '\t'))
    s.length--;
  return s;
}

bool wqn_span_next(wqn_span *rest, wqn_span *token) {
  if (!rest->at) return false;
  const char *comma = memchr(rest->at, ',', rest->length);
  size_t length = comma ? (size_t)(comma - rest->at) : rest->length;
  *token = wqn_span_trim((wqn_span){rest->at, length});
  rest->at = comma ? comma + 1 : NULL;
  rest->length -= comma ? length + 1 : length;
  return true;
}

bool wqn_span_has_token(wqn_span s, const char *token) {
  for (wqn_span each; wqn_span_next(&s, &each);) {
    if (wqn_span_is(each, token)) return true;
  }
  return false;
}

size_t wqn_http_end(const void *bytes, size_t length) {
  const char *text = bytes;
  for (size_t i = 0; i + 4 <= length; i++) {
    if (memcmp(text + i, "\r\n\r\n", 4) == 0) return i + 4;
  }
  return 0;
}

/* Sort one header line in. Returns false if it is malformed, or repeats one that must not repeat. */
static bool read_header(wqn_span line, const wqn_http_header *wanted, size_t count) {
  const char *colon = memchr(line.at, ':', line.length);
  if (!colon || colon == line.at || *line.at == ' ' || *line.at == '\t') return false;
  wqn_span name = {line.at, (size_t)(colon - line.at)};
  for (size_t i = 0; i < count; i++) {
    if (!wqn_span_is(name, wanted[i].name)) continue;
    if (wanted[i].value->at) return false;
    *wanted[i].value = wqn_span_trim((wqn_span){colon + 1, line.length - name.length - 1});
  }
  return true;
}

bool wqn_http_read(const char *text, size_t length, wqn_span *first, const wqn_http_header *wanted, size_t count) {
  *first = (wqn_span){0};
  for (const char *end = text + length - 2; text < end;) { /* the last two bytes are the empty line */
    const char *stop = text;
    while (stop + 1 < end && !(stop[0] == '\r' && stop[1] == '\n'))
      stop++;
    wqn_span line = {text, (size_t)(stop - text)};
    if (!first->at)
      *first = line;
    else if (!read_header(line, wanted, count))
      return false;
    text = stop + 2;
  }
  return first->at;
}

bool wqn_http_accept(char accept[WQN_HTTP_ACCEPT + 1], const char *key) {
  uint8_t joined[WQN_HTTP_KEY + sizeof guid - 1];
  wq_crypto_op digest;
  memcpy(joined, key, WQN_HTTP_KEY);
  memcpy(joined + WQN_HTTP_KEY, guid, sizeof guid - 1);
  wq_crypto_digest(&digest, WQ_SHA1, joined, sizeof joined);
  if (digest.status != WQ_CRYPTO_DONE) return false;
  EVP_EncodeBlock((unsigned char *)accept, digest.result, 20);
  return true;
}
