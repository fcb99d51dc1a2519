/* SPDX-License-Identifier: MIT
 * The client machine against any server and any host that obey the rules, tests/model: thousands of short runs by chance.
 *
 *   model_test            runs of seeds 1, 2, ...; RUNS=n in the environment for more
 *   model_test SEED       that one, told packet by packet */
#include "../model/model.h"
#include "check.h"

#define RUNS 3000

static void runs(void) {
  const char *asked = getenv("RUNS");
  const uint64_t n = asked ? strtoull(asked, NULL, 10) : RUNS;
  for (uint64_t seed = 1; seed <= n; seed++) {
    const char *failure = model_run(seed, NULL, 0, false);
    if (failure) printf("seed %llu: %s\n", (unsigned long long)seed, failure);
    CHECK(failure == NULL);
  }
}

int main(int argc, char **argv) {
  if (argc > 1) {
    const char *failure = model_run(strtoull(argv[1], NULL, 10), NULL, 0, true);
    puts(failure ? failure : "all held");
    return failure != NULL;
  }
  check_case(
      "whatever a legal server does: each publish settles once and truly, ids and quotas hold, QoS 2 arrives once",
      runs);
  return check_close();
}
