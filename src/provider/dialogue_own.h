/* SPDX-License-Identifier: MIT
 * What the files of the dialogues share. Not public: see dialogue.h.
 *
 * A dialogue has up to three kinds of requests, of which one is under way at a time; a lower number goes first. dialogue.c
 * knows when to connect, subscribe, ask, and ask again; a dialogue's own file what to ask, and what an answer means. */
#ifndef WQ_PROVIDER_DIALOGUE_OWN_H
#define WQ_PROVIDER_DIALOGUE_OWN_H

#include "dialogue.h"
#include "json.h"
#include "service.h"

#define WQ_ASKED_NOTHING 3u
#define WQ_WANT(request) (1u << (request))

typedef struct wq_dialogue_def {
  uint8_t services; /* that have it, of the first 8: bit (1 << enum wq_service) */
  uint8_t tries;    /* how often a request is sent before it is given up; 0: until the deadline */
  bool connects;    /* by itself */
  /* The index-th filter into the writer; false: no more. */
  bool (*filter)(const wq_dialogue *d, uint32_t index, wq_writer *w);
  /* The connection is ready: what is wanted first. */
  void (*ready)(wq_dialogue *d);
  /* Make topic and payload. */
  void (*ask)(wq_dialogue *d, uint8_t request, wq_writer *w, wq_step *step);
  void (*message)(wq_dialogue *d, const wq_topic *topic, wq_bytes payload, wq_step *step);
  /* A request came to nothing: no answer, or that status each time. May be NULL, as those below. */
  void (*given_up)(wq_dialogue *d, uint8_t request, uint16_t status, wq_step *step);
  void (*published)(wq_dialogue *d, wq_step *step);
  void (*lost)(wq_dialogue *d);
  void (*pump)(wq_dialogue *d, wq_step *step); /* before anything is asked */
} wq_dialogue_def;

extern const wq_dialogue_def wq_dialogue_register, wq_dialogue_state, wq_dialogue_jobs, wq_dialogue_operations;

/* wq_dialogue_want - ask that when there is time. */
void wq_dialogue_want(wq_dialogue *d, uint8_t request);

/* wq_dialogue_answered - what was asked has its answer. Returns what it was. */
uint8_t wq_dialogue_answered(wq_dialogue *d);

/* wq_dialogue_again - what was asked has to be asked again, after so many seconds at least; or is given up, with that
 * status. */
void wq_dialogue_again(wq_dialogue *d, uint32_t seconds, uint16_t status, wq_step *step);

void wq_dialogue_fail(wq_dialogue *d, int fault, uint16_t status, wq_bytes words, wq_step *step);

/* wq_dialogue_tell - what a TELL says but for its views. */
void wq_dialogue_tell(wq_step *step, uint8_t tell, uint16_t status, uint64_t version);

/* wq_dialogue_busy - a status with which it is worth asking again. */
bool wq_dialogue_busy(uint32_t status);

/* wq_dialogue_is_ours - the text is the number of what was asked. */
bool wq_dialogue_is_ours(const wq_dialogue *d, wq_bytes number);

/* wq_dialogue_topic - a topic of the dialogue's seat, for the request under way. */
wq_bytes wq_dialogue_topic(const wq_dialogue *d, wq_writer *w, wq_topic parts);

/* wq_dialogue_words - a JSON string that says what is wrong, decoded into d->words; empty if it is none. */
wq_bytes wq_dialogue_words(wq_dialogue *d, wq_bytes json);

/* wq_dialogue_payload - what was written since `start`. */
static inline wq_bytes wq_dialogue_written(const uint8_t *start, const wq_writer *w) {
  return (wq_bytes){start, (uint32_t)(w->at - start)};
}

#endif
