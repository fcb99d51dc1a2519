/* SPDX-License-Identifier: MIT
 * `text` is one conversation, put together as it goes, since its middle is what both sides sign (the AuthMessage):
 *
 *   n,,                                           the header: no channel binding
 *      n=user,r=nonce                             client-first-bare
 *                    ,r=nonce',s=salt,i=count     server-first
 *                                            ,c=biws,r=nonce'         client-final without proof, from final_at on
 *                                                            ,p=proof
 *      |<------------- AuthMessage, up to auth_len -------->|
 *
 * Both proofs are computed before client-final is sent, so that server-final can be judged at once and the keys need not
 * be kept until it comes. */
#include "scram.h"

#include "../codec/utf8.h"
#include "base64.h"

#include <string.h>

enum { HASH = 32, NONCE_RANDOM = 18, HEADER = 3 };

_Static_assert(sizeof((wq_scram *)0)->text >= HEADER + 5 + 3 * WQ_SCRAM_USERNAME_MAX + WQ_SCRAM_NONCE_MAX +
                                                  2 * WQ_SCRAM_RECEIVED_MAX + 10 + 3 + WQ_BASE64_SIZE(HASH) + 1,
               "the longest conversation fits");

/* Who is awaited, or the operation under way. */
enum stage {
  IDLE,
  SERVER_FIRST,
  SALTING,
  CLIENT_KEY,
  STORED_KEY,
  CLIENT_SIGNATURE,
  SERVER_KEY,
  SERVER_SIGNATURE,
  SERVER_FINAL
};

/* A plain memset() may be left out where nothing reads the bytes again. */
static void wipe(void *at, uint32_t length) {
  volatile uint8_t *bytes = at;
  while (length--)
    *bytes++ = 0;
}

void wq_scram_wipe(wq_scram *s) { wipe(s, sizeof *s); }

static void append(wq_scram *s, const void *bytes, uint32_t length) {
  memcpy(s->text + s->text_len, bytes, length);
  s->text_len += length;
  s->text[s->text_len] = 0;
}

static void append_text(wq_scram *s, const char *text) { append(s, text, (uint32_t)strlen(text)); }

static void append_base64(wq_scram *s, const uint8_t *bytes, uint32_t length) {
  s->text_len += wq_base64_encode(s->text + s->text_len, (wq_bytes){bytes, length});
  s->text[s->text_len] = 0;
}

/* ---- client-first */

/* Text that SASLprep would at least not forbid. */
static bool text_ok(wq_bytes text, uint32_t max) {
  if (!text.len || text.len > max || !wq_utf8_valid(text)) return false;
  for (uint32_t i = 0; i < text.len; i++) {
    uint8_t c = text.data[i];
    if (c < 0x20 || c == 0x7F || (c == 0xC2 && text.data[i + 1] < 0xA0)) return false; /* U+0080 to U+009F are C2 xx */
  }
  return true;
}

int wq_scram_start(wq_scram *s, wq_bytes username, wq_bytes password, wq_bytes nonce) {
  wq_scram_wipe(s);
  if (!text_ok(username, WQ_SCRAM_USERNAME_MAX)) return WQ_SCRAM_E_USERNAME;
  if (!text_ok(password, WQ_SCRAM_PASSWORD_MAX)) return WQ_SCRAM_E_PASSWORD;
  if (nonce.len > WQ_SCRAM_NONCE_MAX) return WQ_SCRAM_E_NONCE;
  uint8_t random[NONCE_RANDOM];
  if (!nonce.len) s->op.status = wq_crypto_random(random, sizeof random);
  if (s->op.status) return WQ_SCRAM_E_CRYPTO;
  append_text(s, "n,,n=");
  for (uint32_t i = 0; i < username.len; i++) {
    if (username.data[i] == ',')
      append_text(s, "=2C");
    else if (username.data[i] == '=')
      append_text(s, "=3D");
    else
      append(s, username.data + i, 1);
  }
  append_text(s, ",r=");
  const uint32_t nonce_at = s->text_len;
  if (nonce.len)
    append(s, nonce.data, nonce.len);
  else
    append_base64(s, random, sizeof random);
  s->nonce_len = s->text_len - nonce_at;
  memcpy(s->password, password.data, password.len);
  s->password_len = password.len;
  s->stage = SERVER_FIRST;
  return WQ_SCRAM_DONE;
}

const char *wq_scram_message(const wq_scram *s) { return (const char *)s->text + s->final_at; }

/* ---- server-first */

/* Take "name=value" and the comma behind it. Nothing may be empty, nor end with a comma. */
static bool attribute(wq_bytes *rest, uint8_t *name, wq_bytes *value) {
  const uint8_t *at = rest->data, *end = at + rest->len;
  if (rest->len < 3 || (uint8_t)((at[0] | 0x20) - 'a') > 25 || at[1] != '=') return false;
  *name = at[0];
  for (at += 2; at < end && *at != ','; at++)
    if (!*at) return false;
  *value = (wq_bytes){rest->data + 2, (uint32_t)(at - rest->data - 2)};
  const bool more = at < end;
  if (more) at++;
  *rest = (wq_bytes){at, (uint32_t)(end - at)};
  return value->len && (!more || rest->len);
}

/* The attribute that has to stand here. */
static int expect(wq_bytes *rest, uint8_t name, wq_bytes *value) {
  uint8_t found;
  if (!attribute(rest, &found, value)) return WQ_SCRAM_E_MESSAGE;
  if (found == name) return 0;
  return found == 'm' ? WQ_SCRAM_E_EXTENSION : WQ_SCRAM_E_MESSAGE;
}

/* What may follow is for extensions that nobody has to know. */
static int extensions(wq_bytes rest) {
  uint8_t name;
  wq_bytes value;
  while (rest.len) {
    if (!attribute(&rest, &name, &value)) return WQ_SCRAM_E_MESSAGE;
    if (name == 'm') return WQ_SCRAM_E_EXTENSION;
  }
  return 0;
}

static int iterations(wq_bytes digits, uint32_t *count) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < digits.len; i++) {
    uint8_t c = digits.data[i];
    if (c < '0' || c > '9' || (c == '0' && !i)) return WQ_SCRAM_E_MESSAGE;
    if (n <= WQ_SCRAM_ITERATIONS_MAX) n = n * 10 + c - '0';
  }
  *count = n;
  return n < WQ_SCRAM_ITERATIONS_MIN || n > WQ_SCRAM_ITERATIONS_MAX ? WQ_SCRAM_E_ITERATIONS : 0;
}

static int nonce_check(const wq_scram *s, wq_bytes nonce) {
  for (uint32_t i = 0; i < nonce.len; i++)
    if (nonce.data[i] <= ' ' || nonce.data[i] > '~') return WQ_SCRAM_E_MESSAGE;
  const uint8_t *ours = s->text + s->text_len - s->nonce_len;
  return nonce.len <= s->nonce_len || memcmp(nonce.data, ours, s->nonce_len) ? WQ_SCRAM_E_NONCE : 0;
}

static int receive_first(wq_scram *s, wq_bytes message) {
  wq_bytes rest = message, nonce, salt, digits = {0};
  uint32_t count = 0;
  int error = expect(&rest, 'r', &nonce);
  if (!error) error = nonce_check(s, nonce);
  if (!error) error = expect(&rest, 's', &salt);
  if (!error) error = expect(&rest, 'i', &digits);
  if (!error) error = iterations(digits, &count);
  if (!error) error = extensions(rest);
  if (error) return error;
  uint8_t bytes[WQ_SCRAM_RECEIVED_MAX];
  int32_t length = wq_base64_decode(bytes, salt);
  if (length < 0) return WQ_SCRAM_E_MESSAGE;

  append_text(s, ",");
  append(s, message.data, message.len);
  append_text(s, ",");
  s->final_at = s->text_len;
  append_text(s, "c=biws,r="); /* "n,," in base64 */
  append(s, nonce.data, nonce.len);
  s->auth_len = s->text_len;
  s->stage = SALTING;
  wq_crypto_pbkdf2(&s->op, WQ_SHA256, s->password, s->password_len, bytes, (uint32_t)length, count, HASH);
  wipe(s->password, sizeof s->password);
  return 0;
}

/* ---- client-final */

static void hmac(wq_scram *s, const uint8_t key[HASH], const void *data, uint32_t length) {
  wq_crypto_hmac(&s->op, WQ_SHA256, key, HASH, data, length);
}

static void sign(wq_scram *s, const uint8_t key[HASH]) { hmac(s, key, s->text + HEADER, s->auth_len - HEADER); }

/* The operation of s->stage gave `result`: what that is for, and the next one. */
static void advance(wq_scram *s, const uint8_t result[HASH]) {
  switch (s->stage++) {
  case SALTING:
    memcpy(s->salted, result, HASH);
    hmac(s, result, "Client Key", 10);
    break;
  case CLIENT_KEY:
    memcpy(s->key, result, HASH);
    wq_crypto_digest(&s->op, WQ_SHA256, result, HASH);
    break;
  case STORED_KEY: sign(s, result); break;
  case CLIENT_SIGNATURE:
    for (uint32_t i = 0; i < HASH; i++)
      s->key[i] ^= result[i];
    append_text(s, ",p=");
    append_base64(s, s->key, HASH);
    hmac(s, s->salted, "Server Key", 10);
    break;
  case SERVER_KEY: sign(s, result); break;
  default:
    memcpy(s->signature, result, HASH);
    wipe(s->salted, HASH);
    wipe(s->key, HASH);
    break;
  }
}

int wq_scram_step(wq_scram *s) {
  if (s->stage < SALTING || s->stage == SERVER_FINAL) return WQ_SCRAM_E_STATE;
  while (s->stage != SERVER_FINAL) {
    if (s->op.status == WQ_CRYPTO_PENDING) return WQ_SCRAM_WAIT;
    if (s->op.status != WQ_CRYPTO_DONE) {
      const int32_t status = s->op.status;
      wq_scram_wipe(s);
      s->op.status = status;
      return WQ_SCRAM_E_CRYPTO;
    }
    uint8_t result[HASH];
    memcpy(result, s->op.result, HASH);
    advance(s, result);
    wipe(result, HASH);
  }
  return WQ_SCRAM_DONE;
}

/* ---- server-final */

static int receive_final(wq_scram *s, wq_bytes message) {
  wq_bytes rest = message, value;
  uint8_t bytes[WQ_SCRAM_RECEIVED_MAX];
  int error = expect(&rest, 'v', &value);
  if (!error) error = extensions(rest);
  if (error) return error;
  if (wq_base64_decode(bytes, value) != HASH) return WQ_SCRAM_E_MESSAGE;
  uint8_t different = 0; /* in a time that does not depend on where */
  for (uint32_t i = 0; i < HASH; i++)
    different |= bytes[i] ^ s->signature[i];
  return different ? WQ_SCRAM_E_SIGNATURE : WQ_SCRAM_DONE;
}

int wq_scram_receive(wq_scram *s, wq_bytes message) {
  if (s->stage != SERVER_FIRST && s->stage != SERVER_FINAL) return WQ_SCRAM_E_STATE;
  wq_bytes rest = message, why;
  int error = WQ_SCRAM_E_MESSAGE;
  if (message.len <= WQ_SCRAM_RECEIVED_MAX) {
    if (!expect(&rest, 'e', &why)) {
      wq_scram_wipe(s);
      append(s, why.data, why.len);
      return WQ_SCRAM_E_REFUSED;
    }
    error = s->stage == SERVER_FIRST ? receive_first(s, message) : receive_final(s, message);
  }
  if (error || s->stage == SERVER_FINAL) wq_scram_wipe(s);
  return error || s->stage == IDLE ? error : wq_scram_step(s);
}

const char *wq_scram_error_text(int error) {
  switch (error) {
  case WQ_SCRAM_E_STATE: return "The server sent a message that is not due.";
  case WQ_SCRAM_E_USERNAME: return "The user name is empty, too long, or has control characters.";
  case WQ_SCRAM_E_PASSWORD: return "The password is empty, too long, or has control characters.";
  case WQ_SCRAM_E_MESSAGE: return "The server's message is not one of SCRAM.";
  case WQ_SCRAM_E_EXTENSION: return "The server insists on an extension of SCRAM.";
  case WQ_SCRAM_E_NONCE: return "The server does not answer what was asked: its nonce is another.";
  case WQ_SCRAM_E_ITERATIONS: return "The server wants fewer than 4096 or more than 1000000 iterations.";
  case WQ_SCRAM_E_REFUSED: return "The server refused.";
  case WQ_SCRAM_E_SIGNATURE: return "The server does not know the password: it may be another than it says.";
  default: return "The cryptography of this host failed.";
  }
}
