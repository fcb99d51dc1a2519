/* SPDX-License-Identifier: MIT
 * A cold store with a battery, sped up: its day lasts ten minutes, so that somebody who looks at a chart sees it move. */
#include "model.h"

#include <math.h>

static const double pi = 3.14159265358979323846;
static const double day = 600;         /* seconds */
static const double battery_empty = 8; /* percent at which the charger is plugged in */
static const double battery_full = 99;
static const double charge_rate = 0.6; /* percent a second */

/* splitmix64, by Sebastiano Vigna (public domain). */
static uint64_t next_random(model *m) {
  uint64_t z = (m->random += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double model_random(model *m) { return (double)(next_random(m) >> 11) / 9007199254740992.0; }

static double between(model *m, double low, double high) { return low + (high - low) * model_random(m); }

/* About normal, with a deviation of 1. */
static double noise(model *m) { return (model_random(m) + model_random(m) + model_random(m) - 1.5) * 2; }

void model_init(model *m, uint64_t seed, uint32_t number) {
  *m = (model){.random = seed ^ ((uint64_t)number << 32)};
  m->clock = between(m, 0, day);
  m->base = between(m, 3, 7);
  m->swing = between(m, 0.5, 1.8);
  m->battery = between(m, 11, 100);
  m->drain = between(m, 0.02, 0.12);
  m->door_left = between(m, 20, 240);
  if (model_random(m) < 0.05) m->fault = between(m, 4, 7); /* a fleet is never quite well */
  model_step(m, 0);
}

static bool step_door(model *m, double seconds) {
  m->door_left -= seconds;
  if (m->door_left > 0) return false;
  m->door_open = !m->door_open;
  m->door_left = m->door_open ? between(m, 4, 15) : between(m, 60, 300);
  return true;
}

static void step_battery(model *m, double seconds) {
  m->battery += (m->charging ? charge_rate : -m->drain) * seconds;
  if (m->battery <= battery_empty) m->charging = true;
  if (m->battery >= battery_full) m->charging = false;
  m->battery = fmin(fmax(m->battery, 0), 100);
}

static void step_temperature(model *m, double seconds) {
  /* Now and then a compressor stalls, and recovers. */
  if (model_random(m) < seconds / 400) m->fault += between(m, 3, 7);
  m->fault *= exp(-seconds / 25);
  m->wander += seconds * (noise(m) * 0.05 - m->wander * 0.02);
  double target = m->base + m->swing * sin(2 * pi * m->clock / day) + m->fault + (m->door_open ? 2.5 : 0);
  double share = seconds > 0 ? 1 - exp(-seconds / 8) : 1; /* the sensor's own warmth; at the start there is none */
  m->temperature += (target - m->temperature) * share;
}

bool model_step(model *m, double seconds) {
  m->clock += seconds;
  bool door = step_door(m, seconds);
  step_battery(m, seconds);
  step_temperature(m, seconds);
  double warmth = m->temperature - m->base;
  m->humidity = fmin(fmax(62 - 4 * warmth + 3 * sin(2 * pi * m->clock / (day * 0.7)) + noise(m) * 0.3, 5), 100);
  m->pressure = 1013 + 6 * sin(2 * pi * m->clock / (day * 3)) + noise(m) * 0.05;
  m->vibration = fmax(0.8 + 0.25 * sin(2 * pi * m->clock / 37) + m->fault * 0.4 + noise(m) * 0.08, 0);
  return door;
}
