/* SPDX-License-Identifier: MIT
 * SCRAM-SHA-256: the conversation of RFC 7677, section 3, and what ends one. */
#include "check.h"
#include "guard.h"

#include "provider/scram.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define NONCES NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define SERVER_FIRST "r=" NONCES ",s=" SALT ",i=4096"
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static guard input;
static wq_scram scram;

static wq_bytes text(const char *what) { return (wq_bytes){(const uint8_t *)what, (uint32_t)strlen(what)}; }

static int receive(const char *message) {
  const size_t length = strlen(message);
  return wq_scram_receive(&scram, (wq_bytes){guard_put(input, message, length), (uint32_t)length});
}

static int start(const char *username, const char *password) {
  return wq_scram_start(&scram, text(username), text(password), text(NONCE));
}

/* Does the struct hold these bytes anywhere? */
static bool holds(const void *bytes, size_t length) {
  const uint8_t *at = (const uint8_t *)&scram;
  for (size_t i = 0; i + length <= sizeof scram; i++)
    if (!memcmp(at + i, bytes, length)) return true;
  return false;
}

static bool empty(void) {
  static const wq_scram nothing;
  return !memcmp(&scram, &nothing, sizeof scram);
}

static void example(void) {
  CHECK_INT(start("user", "pencil"), WQ_SCRAM_DONE);
  CHECK_TEXT(wq_scram_message(&scram), "n,,n=user,r=" NONCE);
  CHECK(holds("pencil", 6));
  CHECK_INT(receive(SERVER_FIRST), WQ_SCRAM_DONE);
  CHECK_TEXT(wq_scram_message(&scram), "c=biws,r=" NONCES ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  CHECK(!holds("pencil", 6));
  CHECK_INT(receive(SERVER_FINAL), WQ_SCRAM_DONE);
  CHECK(empty());
}

/* What the example derives from the password, computed by the host alone. */
static void keys_wiped(void) {
  wq_crypto_op salted, key;
  static const uint8_t salt[] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};
  wq_crypto_pbkdf2(&salted, WQ_SHA256, (const uint8_t *)"pencil", 6, salt, sizeof salt, 4096, 32);
  CHECK_INT(start("user", "pencil"), WQ_SCRAM_DONE);
  CHECK_INT(receive(SERVER_FIRST), WQ_SCRAM_DONE);
  CHECK(!holds(salted.result, 32));
  static const char *const labels[] = {"Client Key", "Server Key"};
  for (int i = 0; i < 2; i++) {
    wq_crypto_hmac(&key, WQ_SHA256, salted.result, 32, (const uint8_t *)labels[i], 10);
    CHECK(!holds(key.result, 32));
    wq_crypto_digest(&key, WQ_SHA256, key.result, 32);
    CHECK(!holds(key.result, 32));
  }
  wq_scram_wipe(&scram);
  CHECK(empty());
}

static void extensions_passed(void) {
  CHECK_INT(start("user", "pencil"), WQ_SCRAM_DONE);
  CHECK_INT(receive(SERVER_FIRST ",x=1,Y=2=3"), WQ_SCRAM_DONE);
  CHECK_INT(start("user", "pencil"), WQ_SCRAM_DONE);
  CHECK_INT(receive(SERVER_FIRST), WQ_SCRAM_DONE);
  CHECK_INT(receive(SERVER_FINAL ",x=1"), WQ_SCRAM_DONE);
}

static void random_nonces(void) {
  char first[64];
  CHECK_INT(wq_scram_start(&scram, text("user"), text("pencil"), text("")), WQ_SCRAM_DONE);
  CHECK_INT(strlen(wq_scram_message(&scram)), strlen("n,,n=user,r=") + 24);
  strcpy(first, wq_scram_message(&scram));
  CHECK_INT(wq_scram_start(&scram, text("user"), text("pencil"), text("")), WQ_SCRAM_DONE);
  CHECK(strcmp(first, wq_scram_message(&scram)) != 0);
}

static void names(void) {
  CHECK_INT(start("a=b,c=2C\xC3\xA9", "p"), WQ_SCRAM_DONE);
  CHECK_TEXT(wq_scram_message(&scram), "n,,n=a=3Db=2Cc=3D2C\xC3\xA9,r=" NONCE);
  static const char *const bad[] = {"",     "a\n",  "\x7F",  "a\xC2\x80",   "\xC2\x9F",
                                    "\xC3", "\xFF", "a\x1F", "\xED\xA0\x80"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_INT(start(bad[i], "p"), WQ_SCRAM_E_USERNAME);
    CHECK(empty());
    CHECK_INT(start("a", bad[i]), WQ_SCRAM_E_PASSWORD);
    CHECK(empty());
  }
  CHECK_INT(start(" \xC2\xA0~", " \xC2\xA0~"), WQ_SCRAM_DONE);
}

static void longest(void) {
  char username[WQ_SCRAM_USERNAME_MAX + 2], password[WQ_SCRAM_PASSWORD_MAX + 2], message[WQ_SCRAM_RECEIVED_MAX + 2];
  memset(username, ',', sizeof username);
  memset(password, 'p', sizeof password);
  username[sizeof username - 1] = password[sizeof password - 1] = 0;
  CHECK_INT(start(username, "p"), WQ_SCRAM_E_USERNAME);
  CHECK_INT(start("u", password), WQ_SCRAM_E_PASSWORD);
  username[sizeof username - 2] = password[sizeof password - 2] = 0;

  char nonce[WQ_SCRAM_NONCE_MAX + 1] = {0};
  memset(nonce, 'n', WQ_SCRAM_NONCE_MAX);
  static const char end[] = ",s=AAAA,i=4096";
  for (size_t over = 0; over < 2; over++) {
    CHECK_INT(wq_scram_start(&scram, text(username), text(password), text(nonce)), WQ_SCRAM_DONE);
    memset(message, 'n', sizeof message);
    memcpy(message, "r=", 2);
    strcpy(message + WQ_SCRAM_RECEIVED_MAX + over - strlen(end), end);
    CHECK_INT(receive(message), over ? WQ_SCRAM_E_MESSAGE : WQ_SCRAM_DONE);
  }
  const wq_bytes too_long = {(const uint8_t *)message, WQ_SCRAM_NONCE_MAX + 1};
  CHECK_INT(wq_scram_start(&scram, text(username), text(password), too_long), WQ_SCRAM_E_NONCE);
}

typedef struct wrong {
  const char *message;
  int error;
} wrong;

static void wrong_first(void) {
  static const wrong rows[] = {
      {"", WQ_SCRAM_E_MESSAGE},
      {"r", WQ_SCRAM_E_MESSAGE},
      {"r=", WQ_SCRAM_E_MESSAGE},
      {"nonsense", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES, WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=" SALT, WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=" SALT ",i=", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=" SALT ",i=4096,", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=" SALT ",i=4096,x", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=" SALT ",i=4096,x=", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=" SALT ",i=4096,1=x", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=" SALT ",i=4096 ", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=" SALT ",i=04096", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=" SALT ",i=+4096", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",i=4096,s=" SALT, WQ_SCRAM_E_MESSAGE},
      {"s=" SALT ",r=" NONCES ",i=4096", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=,i=4096", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=W22ZaJ0SNY7soEsUEjb6gQ,i=4096", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES ",s=W22ZaJ0SNY7soEsUEjb6g!==,i=4096", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES "\x7F,s=" SALT ",i=4096", WQ_SCRAM_E_MESSAGE},
      {"r=" NONCES " ,s=" SALT ",i=4096", WQ_SCRAM_E_MESSAGE},
      {"m=x," SERVER_FIRST, WQ_SCRAM_E_EXTENSION},
      {"r=" NONCES ",m=x,s=" SALT ",i=4096", WQ_SCRAM_E_EXTENSION},
      {SERVER_FIRST ",m=x", WQ_SCRAM_E_EXTENSION},
      {"r=" NONCE ",s=" SALT ",i=4096", WQ_SCRAM_E_NONCE},
      {"r=x" NONCES ",s=" SALT ",i=4096", WQ_SCRAM_E_NONCE},
      {"r=rOprNGfwEbeRWgbNEkq0%hvYDpWUa2RaTCAf,s=" SALT ",i=4096", WQ_SCRAM_E_NONCE},
      {"r=ROprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAf,s=" SALT ",i=4096", WQ_SCRAM_E_NONCE},
      {"r=r,s=" SALT ",i=4096", WQ_SCRAM_E_NONCE},
      {"r=" NONCES ",s=" SALT ",i=1", WQ_SCRAM_E_ITERATIONS},
      {"r=" NONCES ",s=" SALT ",i=4095", WQ_SCRAM_E_ITERATIONS},
      {"r=" NONCES ",s=" SALT ",i=1000001", WQ_SCRAM_E_ITERATIONS},
      {"r=" NONCES ",s=" SALT ",i=4294971392", WQ_SCRAM_E_ITERATIONS}, /* 4096 more than 32 bits hold */
      {SERVER_FINAL, WQ_SCRAM_E_MESSAGE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_INT(start("user", "pencil"), WQ_SCRAM_DONE);
    if (!CHECK_INT(receive(rows[i].message), rows[i].error)) printf("  for %s\n", rows[i].message);
    CHECK(empty());
    CHECK_INT(receive(SERVER_FIRST), WQ_SCRAM_E_STATE);
  }
  CHECK_INT(start("user", "pencil"), WQ_SCRAM_DONE); /* a 0 byte, where text must not end */
  static const char zero[] = "r=" NONCES "\0x,s=" SALT ",i=4096";
  CHECK_INT(wq_scram_receive(&scram, (wq_bytes){(const uint8_t *)zero, sizeof zero - 1}), WQ_SCRAM_E_MESSAGE);
}

static void wrong_final(void) {
  static const wrong rows[] = {
      {"", WQ_SCRAM_E_MESSAGE},
      {"v=", WQ_SCRAM_E_MESSAGE},
      {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4", WQ_SCRAM_E_MESSAGE},
      {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==", WQ_SCRAM_E_MESSAGE}, /* 31 bytes */
      {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4A", WQ_SCRAM_E_MESSAGE}, /* 33 */
      {"m=x," SERVER_FINAL, WQ_SCRAM_E_EXTENSION},
      {SERVER_FINAL ",m=x", WQ_SCRAM_E_EXTENSION},
      {"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", WQ_SCRAM_E_SIGNATURE}, /* first bit */
      {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=", WQ_SCRAM_E_SIGNATURE}, /* last */
      {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", WQ_SCRAM_E_SIGNATURE},
      {SERVER_FIRST, WQ_SCRAM_E_MESSAGE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_INT(start("user", "pencil"), WQ_SCRAM_DONE);
    CHECK_INT(receive(SERVER_FIRST), WQ_SCRAM_DONE);
    if (!CHECK_INT(receive(rows[i].message), rows[i].error)) printf("  for %s\n", rows[i].message);
    CHECK(empty());
  }
  CHECK_INT(start("user", "pen"), WQ_SCRAM_DONE);
  CHECK_INT(receive(SERVER_FIRST), WQ_SCRAM_DONE);
  CHECK_INT(receive(SERVER_FINAL), WQ_SCRAM_E_SIGNATURE);
}

static void refused(void) {
  CHECK_INT(start("user", "pencil"), WQ_SCRAM_DONE);
  CHECK_INT(receive("e=unknown-user"), WQ_SCRAM_E_REFUSED);
  CHECK_TEXT(wq_scram_message(&scram), "unknown-user");
  CHECK(!holds("pencil", 6));
  CHECK_INT(receive(SERVER_FIRST), WQ_SCRAM_E_STATE);
  CHECK_INT(start("user", "pencil"), WQ_SCRAM_DONE);
  CHECK_INT(receive(SERVER_FIRST), WQ_SCRAM_DONE);
  CHECK_INT(receive("e=invalid-proof,x=1"), WQ_SCRAM_E_REFUSED);
  CHECK_TEXT(wq_scram_message(&scram), "invalid-proof");
  CHECK_INT(receive(SERVER_FINAL), WQ_SCRAM_E_STATE);
}

static void out_of_turn(void) {
  wq_scram_wipe(&scram);
  CHECK_INT(receive(SERVER_FIRST), WQ_SCRAM_E_STATE);
  CHECK_INT(wq_scram_step(&scram), WQ_SCRAM_E_STATE);
  CHECK_INT(start("user", "pencil"), WQ_SCRAM_DONE);
  CHECK_INT(wq_scram_step(&scram), WQ_SCRAM_E_STATE);
  CHECK_INT(receive(SERVER_FIRST), WQ_SCRAM_DONE);
  CHECK_INT(wq_scram_step(&scram), WQ_SCRAM_E_STATE);
  CHECK_INT(receive(SERVER_FINAL), WQ_SCRAM_DONE);
  CHECK_INT(receive(SERVER_FINAL), WQ_SCRAM_E_STATE);
}

static void texts(void) {
  for (int error = -1; error >= -10; error--)
    for (int other = -1; other > error; other--)
      CHECK(strcmp(wq_scram_error_text(error), wq_scram_error_text(other)) != 0);
}

int main(void) {
  input = guard_make(2 * WQ_SCRAM_RECEIVED_MAX);
  check_case("SCRAM: the conversation of RFC 7677; the password goes when it is used, all else at the end", example);
  check_case("SCRAM: nothing derived from the password stays but what it judges the server by", keys_wiped);
  check_case("SCRAM: extensions that nobody insists on are passed over", extensions_passed);
  check_case("SCRAM: a nonce of its own, another each time", random_nonces);
  check_case("SCRAM: = and , of user names are escaped; control characters and what is no UTF-8 are refused", names);
  check_case("SCRAM: the longest that is allowed fits, and no more is", longest);
  check_case("SCRAM: a server-first that is wrong ends it and wipes all", wrong_first);
  check_case("SCRAM: a server-final that is wrong ends it and wipes all", wrong_final);
  check_case("SCRAM: the server's word for a refusal is told", refused);
  check_case("SCRAM: calls out of turn", out_of_turn);
  check_case("SCRAM: each error has a text of its own", texts);
  return check_close();
}
