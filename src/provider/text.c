/* SPDX-License-Identifier: MIT
 * The texts that credentials are made of. */
#include "service.h"

#include "base64.h"

wq_bytes wq_text_of(const char *text) { return (wq_bytes){(const uint8_t *)text, (uint32_t)strlen(text)}; }

bool wq_text_is(wq_bytes bytes, const char *text) { return wq_bytes_equal(bytes, wq_text_of(text)); }

bool wq_text_starts(wq_bytes bytes, const char *text) {
  wq_bytes start = wq_text_of(text);
  if (bytes.len < start.len) return false;
  bytes.len = start.len;
  return wq_bytes_equal(bytes, start);
}

bool wq_text_find(wq_bytes bytes, const char *text, uint32_t *at) {
  for (uint32_t i = 0; i < bytes.len; i++) {
    if (!wq_text_starts((wq_bytes){bytes.data + i, bytes.len - i}, text)) continue;
    if (at != NULL) *at = i;
    return true;
  }
  return false;
}

wq_bytes wq_text_first(wq_bytes list) {
  for (uint32_t i = 0; i < list.len; i++)
    if (list.data[i] == ',' || list.data[i] == '=') list.len = i;
  return list;
}

bool wq_text_word(wq_bytes list, wq_bytes word) {
  while (list.len != 0) {
    const wq_bytes first = wq_text_first(list);
    if (wq_bytes_equal(first, word)) return true;
    uint32_t used = first.len;
    while (used < list.len && list.data[used++] != ',')
      ;
    list = (wq_bytes){list.data + used, list.len - used};
  }
  return false;
}

bool wq_text_number(wq_bytes digits, uint32_t *number) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < digits.len; i++) {
    uint32_t digit = digits.data[i] - (uint32_t)'0';
    if (digit > 9) return false;
    n = n * 10 + digit;
    if (i == 9) return false;
  }
  *number = n;
  return digits.len != 0;
}

void wq_write_number(wq_writer *w, uint64_t number) {
  uint8_t digits[20];
  uint32_t at = sizeof digits;
  do {
    digits[--at] = (uint8_t)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (at < sizeof digits)
    wq_write_u8(w, digits[at++]);
}

static uint8_t hex_digit(uint32_t value, uint32_t ten) {
  return (uint8_t)(value < 10 ? '0' + value : ten + value - 10);
}

void wq_write_hex(wq_writer *w, wq_bytes bytes) {
  for (uint32_t i = 0; i < bytes.len; i++) {
    wq_write_u8(w, hex_digit(bytes.data[i] >> 4, 'a'));
    wq_write_u8(w, hex_digit(bytes.data[i] & 15, 'a'));
  }
}

/* in pieces of 3 bytes, so that what does not fit is found before it is written */
void wq_write_base64(wq_writer *w, wq_bytes bytes, bool url) {
  for (uint32_t i = 0; i < bytes.len; i += 3) {
    wq_bytes some = {bytes.data + i, bytes.len - i < 3 ? bytes.len - i : 3};
    uint8_t text[4];
    uint32_t n = url ? wq_base64url_encode(text, some) : wq_base64_encode(text, some);
    wq_write_bytes(w, (wq_bytes){text, n});
  }
}

static bool unreserved(uint8_t c) {
  return (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c == '-' || c == '.' || c == '_' || c == '~';
}

void wq_write_encoded(wq_writer *w, wq_bytes bytes) {
  for (uint32_t i = 0; i < bytes.len; i++) {
    uint8_t c = bytes.data[i];
    if (unreserved(c)) {
      wq_write_u8(w, c);
    } else {
      wq_write_u8(w, '%');
      wq_write_u8(w, hex_digit(c >> 4, 'A'));
      wq_write_u8(w, hex_digit(c & 15, 'A'));
    }
  }
}

static void write_digits(wq_writer *w, uint32_t number, uint32_t digits) {
  for (uint32_t unit = digits == 4 ? 1000 : 10; unit != 0; unit /= 10)
    wq_write_u8(w, (uint8_t)('0' + number / unit % 10));
}

/* The date of a day counted from 1970-01-01, by years that begin in March (so a leap day is a year's last), in eras of 400
 * years. */
void wq_write_date(wq_writer *w, uint64_t unix_s) {
  uint32_t second = (uint32_t)(unix_s % 86400), day = (uint32_t)(unix_s / 86400) + 719468;
  uint32_t era = day / 146097, day_of_era = day % 146097;
  uint32_t year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  uint32_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
  uint32_t month = (5 * day_of_year + 2) / 153; /* 0: March */
  write_digits(w, year + era * 400 + (month > 9), 4);
  write_digits(w, month < 10 ? month + 3 : month - 9, 2);
  write_digits(w, day_of_year - (153 * month + 2) / 5 + 1, 2);
  wq_write_u8(w, 'T');
  write_digits(w, second / 3600, 2);
  write_digits(w, second / 60 % 60, 2);
  write_digits(w, second % 60, 2);
  wq_write_u8(w, 'Z');
}

int32_t wq_base64_gather(uint8_t *dst, uint32_t room, wq_bytes text) {
  uint8_t four[4], three[3];
  uint32_t held = 0, total = 0;
  bool ended = false;
  for (uint32_t i = 0; i < text.len; i++) {
    uint8_t c = text.data[i];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (ended) return -1;
    four[held++] = c;
    if (held < 4) continue;
    held = 0;
    int32_t n = wq_base64_decode(three, (wq_bytes){four, 4});
    if (n < 0) return -1;
    ended = n < 3;
    for (int32_t k = 0; k < n; k++, total++)
      if (total < room) dst[total] = three[k];
  }
  wq_wipe(four, sizeof four);
  wq_wipe(three, sizeof three);
  return held == 0 ? (int32_t)total : -1;
}

void wq_wipe(void *at, size_t length) {
  volatile uint8_t *bytes = at;
  while (length-- != 0)
    *bytes++ = 0;
}
