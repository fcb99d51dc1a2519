/* SPDX-License-Identifier: MIT
 * What a simulated device measures: curves that look like a cold store's, each device with a character of its own. Pure
 * arithmetic on simulated time, so that a seed gives the same curves again. */
#ifndef FLEET_MODEL_H
#define FLEET_MODEL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct model {
  uint64_t random; /* state of the generator, never 0 */
  double clock;    /* seconds since the start, with an offset of the device's own */
  double base;     /* degrees Celsius around which its day swings */
  double swing;    /* half of the day's swing */
  double fault;    /* warming by a failing compressor, degrees, on its way to 0 */
  double wander;   /* slow noise, degrees */
  double battery;  /* percent */
  double drain;    /* percent a second */
  bool charging;
  bool door_open;
  double door_left;   /* seconds until the door opens or closes */
  double temperature; /* degrees Celsius */
  double humidity;    /* percent */
  double pressure;    /* hectopascal */
  double vibration;   /* millimetres a second */
} model;

/* model_init - the device of that number, under a seed. */
void model_init(model *m, uint64_t seed, uint32_t number);

/* model_step - `seconds` go by. Returns true if the door opened or closed. */
bool model_step(model *m, double seconds);

/* model_random - uniform in 0..1. */
double model_random(model *m);

#endif
