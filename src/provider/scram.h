/* SPDX-License-Identifier: MIT
 *
 * scram.h - the client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding: the server never sees the
 * password, and proves that it knows of it. A machine in memory of the host's, which owns no secret longer than it has to:
 *
 *   wq_scram_start()     "client-first" is ready: send wq_scram_message()
 *   wq_scram_receive()   of "server-first": WQ_SCRAM_WAIT until cryptography is done, then 0: "client-final" is ready
 *   wq_scram_step()      goes on when the pending operation (wq_scram.op, see crypto.h) is done; results as those
 *   wq_scram_receive()   of "server-final": 0, the server has proved itself; nothing is to be sent
 *   wq_scram_wipe()      at the end, however it ended
 *
 * An error below 0 is final: it has wiped the secrets, and only wq_scram_start() or wq_scram_wipe() may follow.
 *
 * User name and password are UTF-8 and go as they are: SASLprep (RFC 4013), which RFC 5802 asks for, changes nothing in
 * ASCII, and is left undone for the rest, so what is not ASCII must be written here as it was when the password was set.
 * Control characters, which SASLprep forbids, are refused. */
#ifndef WQ_PROVIDER_SCRAM_H
#define WQ_PROVIDER_SCRAM_H

#include "../crypto.h"
#include "../wasmqtt.h"

#define WQ_SCRAM_USERNAME_MAX 255u
#define WQ_SCRAM_PASSWORD_MAX 1024u
#define WQ_SCRAM_NONCE_MAX 64u      /* of ours */
#define WQ_SCRAM_RECEIVED_MAX 1024u /* bytes of a message of the server */

/* The iterations that a server may ask for: RFC 7677 wants 4096 at least, and more than a million would let a hostile
 * server keep a device busy for seconds. */
#define WQ_SCRAM_ITERATIONS_MIN 4096u
#define WQ_SCRAM_ITERATIONS_MAX 1000000u

enum wq_scram_result {
  WQ_SCRAM_DONE = 0,
  WQ_SCRAM_WAIT = 1,
  WQ_SCRAM_E_STATE = -1,      /* not now */
  WQ_SCRAM_E_USERNAME = -2,   /* empty, too long, not UTF-8, or with control characters */
  WQ_SCRAM_E_PASSWORD = -3,   /* the same */
  WQ_SCRAM_E_MESSAGE = -4,    /* the server's message is none of SCRAM, or too long */
  WQ_SCRAM_E_EXTENSION = -5,  /* the server insists on an extension */
  WQ_SCRAM_E_NONCE = -6,      /* the server's nonce does not begin with ours, or adds nothing */
  WQ_SCRAM_E_ITERATIONS = -7, /* fewer or more than allowed */
  WQ_SCRAM_E_REFUSED = -8,    /* the server says so: wq_scram_message() is its word for why, as 'invalid-proof' */
  WQ_SCRAM_E_SIGNATURE = -9,  /* the server does not know the password */
  WQ_SCRAM_E_CRYPTO = -10     /* the host's cryptography: wq_scram.op.status */
};

/* Public, so that a host can place it; but for `op` all is the machine's. */
typedef struct wq_scram {
  wq_crypto_op op; /* must stay in place while it is WQ_CRYPTO_PENDING */
  uint8_t stage;
  uint32_t nonce_len, password_len;
  uint32_t final_at, auth_len, text_len; /* in text: see scram.c */
  uint8_t password[WQ_SCRAM_PASSWORD_MAX];
  uint8_t salted[32], key[32], signature[32];
  uint8_t text[3072];
} wq_scram;

/* wq_scram_start - begin, from whatever state but WQ_SCRAM_WAIT. `nonce` is for tests against published examples (1 to
 * WQ_SCRAM_NONCE_MAX printable characters without comma): give {NULL, 0}, and it is made at random. The bytes are needed for
 * the call only. Returns 0, WQ_SCRAM_E_USERNAME, WQ_SCRAM_E_PASSWORD, WQ_SCRAM_E_NONCE (too long), WQ_SCRAM_E_CRYPTO. */
int wq_scram_start(wq_scram *scram, wq_bytes username, wq_bytes password, wq_bytes nonce);

/* wq_scram_receive - a message of the server; its bytes are needed for the call only. Returns 0, WQ_SCRAM_WAIT, or an
 * error; WQ_SCRAM_E_STATE, if it is not the server's turn, changes nothing. */
int wq_scram_receive(wq_scram *scram, wq_bytes message);

/* wq_scram_step - go on with what wq_scram_receive() began. */
int wq_scram_step(wq_scram *scram);

/* wq_scram_message - what is to be sent, or the server's word after WQ_SCRAM_E_REFUSED: text that ends with a 0 byte, good
 * until the next call. */
const char *wq_scram_message(const wq_scram *scram);

/* wq_scram_wipe - zeros everywhere. Not while an operation is pending, since the host writes its result later. */
void wq_scram_wipe(wq_scram *scram);

/* wq_scram_error_text - an error in a sentence for people. */
const char *wq_scram_error_text(int error);

#endif
