/* SPDX-License-Identifier: MIT
 * A page's request for a WebSocket: a strict look at it, and the answer. */
#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

enum { REQUEST_MAX = 8192, ANSWER_MAX = 512, ORIGINS_MAX = 32 };

/* What is asked for here. */
typedef struct request_rules {
  const char *path;                 /* "/mqtt" */
  const char *origins[ORIGINS_MAX]; /* as browsers send them: "https://app.example", "null" */
  unsigned origin_count;            /* 0: pages that this machine serves */
} request_rules;

typedef struct request {
  uint8_t bytes[REQUEST_MAX]; /* the caller appends to them and counts that here */
  uint32_t length;
  uint32_t head;   /* bytes of it that are HTTP, once judged; what follows is WebSocket */
  const char *why; /* why it was refused, in a few words; static */
  char page[128];  /* its Origin, printable; "a program" if it sent none */
  char answer[ANSWER_MAX];
  uint32_t answer_length, answer_sent;
} request;

/* request_judge - look at what came. Returns 0 if more is needed; else the HTTP status that the answer carries: 101 if the
 * WebSocket is open once that is sent, any other if the connection ends then. */
int request_judge(request *r, const request_rules *rules);

/* request_refuse - write that answer without a look at the request. Returns the status. */
int request_refuse(request *r, int status, const char *why);

#endif
