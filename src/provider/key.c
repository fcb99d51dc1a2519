/* SPDX-License-Identifier: MIT
 * Private keys as people have them: PKCS#8 as PEM or its base64 alone, and JSON Web Keys (jwk.c). Web Crypto reads PKCS#8
 * alone, so what else comes in a PEM file is told by name. */
#include "service.h"

/* What stands in the armour, the more particular first. */
static const struct {
  const char *label;
  int fault;
} armour[] = {
    {"-----BEGIN ENCRYPTED", WQ_FAULT_KEY_ENCRYPTED},
    {"Proc-Type: 4,ENCRYPTED", WQ_FAULT_KEY_ENCRYPTED},
    {"-----BEGIN RSA PRIVATE", WQ_FAULT_KEY_PKCS1},
    {"-----BEGIN EC P", WQ_FAULT_KEY_SEC1},
    {"-----BEGIN PRIVATE KEY-----", 0},
    {"-----BEGIN CERTIFICATE", WQ_FAULT_KEY_CERTIFICATE},
    {"PUBLIC KEY-----", WQ_FAULT_KEY_PUBLIC},
    {"-----BEGIN ", WQ_FAULT_KEY_FORM},
};

/* DER of object identifiers, without their tag. */
#define OID_RSA "\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01"
#define OID_EC "\x07\x2A\x86\x48\xCE\x3D\x02\x01"
#define OID_P256 "\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07"
#define OID_PBES2 "\x09\x2A\x86\x48\x86\xF7\x0D\x01\x05\x0D"

enum { SEQUENCE = 0x30, INTEGER = 0x02, OCTETS = 0x04, OID = 0x06 };

/* Step into the element that begins here: its tag, 0 if there is none; *length: of what is in it. */
static uint8_t element(wq_reader *r, uint32_t *length) {
  uint8_t tag = wq_read_u8(r);
  uint32_t n = wq_read_u8(r), more = n & 0x7F;
  if (n > 0x7F)
    for (n = 0; more != 0 && more <= 3; more--)
      n = n << 8 | wq_read_u8(r);
  *length = n;
  return r->failed ? 0 : tag;
}

static bool oid(wq_reader *r, const char *wanted) {
  uint32_t length = 2 + (uint32_t)wanted[0] - 1;
  if (wq_reader_left(r) < length + 1 || r->at[0] != OID || memcmp(r->at + 1, wanted, length) != 0) return false;
  r->at += length + 1;
  return true;
}

/* PrivateKeyInfo (RFC 5208): { version 0, { algorithm, parameters }, key }; and what else it could be. `head`: as much of
 * it as is needed; total: its bytes. */
static int recognise(wq_bytes head, uint32_t total, int *algorithm) {
  wq_reader r = wq_reader_of(head);
  uint32_t length;
  if (element(&r, &length) != SEQUENCE || length + (uint32_t)(r.at - head.data) != total) return WQ_FAULT_KEY_FORM;
  uint8_t tag = element(&r, &length);
  if (tag == SEQUENCE) { /* no version: SubjectPublicKeyInfo, EncryptedPrivateKeyInfo, or a certificate */
    if (oid(&r, OID_RSA) || oid(&r, OID_EC)) return WQ_FAULT_KEY_PUBLIC;
    return oid(&r, OID_PBES2) ? WQ_FAULT_KEY_ENCRYPTED : WQ_FAULT_KEY_CERTIFICATE;
  }
  if (tag != INTEGER) return WQ_FAULT_KEY_FORM;
  wq_read_u8(&r); /* the version, one byte */
  tag = element(&r, &length);
  if (tag == INTEGER) return WQ_FAULT_KEY_PKCS1;
  if (tag == OCTETS) return WQ_FAULT_KEY_SEC1;
  if (tag != SEQUENCE) return WQ_FAULT_KEY_FORM;
  *algorithm = oid(&r, OID_RSA) ? WQ_RS256 : oid(&r, OID_EC) && oid(&r, OID_P256) ? WQ_ES256 : 0;
  return *algorithm != 0 ? 0 : WQ_FAULT_KEY_KIND;
}

int wq_key_read(uint8_t *dst, uint32_t room, wq_bytes text, uint32_t *length, int *algorithm) {
  uint32_t at;
  if (wq_text_starts(text, "{")) return wq_jwk_read(dst, room, text, length, algorithm);
  for (size_t i = 0; i < sizeof armour / sizeof armour[0]; i++) {
    if (!wq_text_find(text, armour[i].label, &at)) continue;
    if (armour[i].fault != 0) return armour[i].fault;
    at += (uint32_t)strlen(armour[i].label);
    text = (wq_bytes){text.data + at, text.len - at};
    if (!wq_text_find(text, "-----END PRIVATE KEY-----", &text.len)) return WQ_FAULT_KEY_FORM;
    break;
  }
  uint8_t head[64];
  int32_t n = wq_base64_gather(head, sizeof head, text);
  if (n <= 0) return WQ_FAULT_KEY_FORM;
  const uint32_t total = (uint32_t)n, held = total < sizeof head ? total : (uint32_t)sizeof head;
  int fault = recognise((wq_bytes){head, held}, total, algorithm);
  wq_wipe(head, sizeof head);
  if (fault == 0) wq_base64_gather(dst, room, text);
  *length = total;
  return fault;
}
